import { realpath } from "node:fs/promises"
import { basename, dirname, isAbsolute, join, resolve } from "node:path"
import type { Remark } from "@lllite/core/names"
import type { CaptionRules } from "@lllite/core/training"
import { captionOfText } from "@lllite/core/training"
import { shown } from "../options/read.ts"
import type { FileProblem } from "./file-problems.ts"
import { groupBy } from "./match-controls.ts"
import type { MetadataEntry, MetadataFile } from "./metadata-file.ts"
import { readMetadataFile } from "./metadata-file.ts"
import type { PictureFolder } from "./picture-folder.ts"
import { stemOf } from "./picture-folder.ts"

/** The file that has the captions of a folder. */
export interface MetadataSource {
  readonly path: string
  /** The folder from which keys may count, beside the folder of pictures itself. */
  readonly root: string
}

/** A caption of a metadata file. */
export interface MetadataCaption {
  readonly text: string
  /** Whether lines follow the first one. */
  readonly isCut: boolean
}

/** What a metadata file says about the pictures of a folder. */
export interface MetadataCaptions {
  /** The pictures that have an entry, and controls that are not those of other pictures. */
  readonly images: PictureFolder
  readonly controls: PictureFolder
  /** The captions, by the file name of the picture. A picture without one has a problem: its entry, or the whole file. */
  readonly captions: ReadonlyMap<string, MetadataCaption>
  /** Entries that are used, as paths. */
  readonly used: readonly string[]
  readonly problems: readonly FileProblem[]
  readonly remarks: readonly Remark[]
}

/**
 * Finds the captions of a folder's pictures in a metadata file. A key is an absolute path, or a path from the folder
 * or from the working folder, with or without an extension. Pictures without an entry are not trained, as in sd-scripts' fine-tuning. All problems
 * are collected.
 */
export async function metadataCaptions(
  { path, root }: MetadataSource,
  folders: { readonly images: PictureFolder; readonly controls: PictureFolder },
  rules: CaptionRules,
): Promise<MetadataCaptions> {
  const { images, controls } = folders
  const problemOf = (text: string): FileProblem => ({ kind: "metadata", path, text })
  const none = { images, controls, captions: new Map(), used: [], remarks: [] }
  let file: MetadataFile
  try {
    file = await readMetadataFile(path)
  } catch (error) {
    return { ...none, problems: [problemOf(error instanceof Error ? error.message : String(error))] }
  }
  const names = [...images.names, ...images.unread]
  const found = await findEntries(file, root, images.path, names)
  const problems = [...file.problems, ...found.problems].map(problemOf)
  if (found.keys.size === 0) {
    const [first] = file.entries.keys()
    const text = `no entry of the metadata file "${path}" is for a picture of "${images.path}". Its first key is ${shown(first)}, expected a name in this folder such as "${names[0]}", or an absolute path. Write the keys anew, or give the folder that they name.`
    // An empty folder has a problem of its own, and entries that cannot be used are the cause themselves.
    const isCause = names.length > 0 && first !== undefined
    return { ...none, problems: isCause ? [...problems, problemOf(text)] : problems }
  }
  const captions = new Map<string, MetadataCaption>()
  for (const [name, key] of found.keys) {
    const entry = file.entries.get(key)
    if (entry != null) captions.set(name, joinCaption(entry, rules))
  }
  const isListed = (name: string): boolean => found.keys.has(name)
  const unlisted = names.filter((name) => !isListed(name))
  const kept = new Set([...found.keys.keys()].map(looseStem))
  const passed = new Set(unlisted.map(looseStem).filter((stem) => !kept.has(stem)))
  const isOfOthers = (name: string): boolean => passed.has(looseStem(name))
  const used = new Set(found.keys.values())
  return {
    images: { ...images, names: images.names.filter(isListed), unread: images.unread.filter(isListed) },
    controls: {
      ...controls,
      names: controls.names.filter((name) => !isOfOthers(name)),
      unread: controls.unread.filter((name) => !isOfOthers(name)),
    },
    captions,
    used: [...used].map((key) => pathOf(key, root)),
    problems,
    remarks: [
      ...(file.hasResolution ? [{ kind: "unread-resolution", path } as const] : []),
      ...unlisted.map((name) => ({ kind: "unlisted-picture", path: join(images.path, name) }) as const),
      ...[...file.entries.keys()]
        .filter((key) => !used.has(key) && !found.doubled.has(key))
        .map((key) => ({ kind: "unused-entry", path: pathOf(key, root) }) as const),
    ],
  }
}

/**
 * Joins a caption and its tags by the separator. With wildcards, each line of the caption is followed by the tags.
 *
 * Source: sd-scripts `FineTuningDataset`. There a caption of several lines loses its tags without wildcards, and tags
 * without a caption are lost with wildcards. Here they stay.
 */
export function joinCaption({ caption, tags }: MetadataEntry, rules: CaptionRules): MetadataCaption {
  const { wildcard = false, separator = "," } = rules
  const tagLine = captionOfText(tags, true).replaceAll("\n", separator)
  const lines = captionOfText(caption, true).split("\n")
  const read = wildcard ? lines : lines.slice(0, 1)
  return {
    text: read.map((line) => [line, tagLine].filter((part) => part !== "").join(separator)).join("\n"),
    isCut: read.length < lines.length,
  }
}

interface FoundEntries {
  /** The key of each picture that has an entry, by its file name. */
  readonly keys: ReadonlyMap<string, string>
  /** Keys of entries for a picture that has another entry. */
  readonly doubled: ReadonlySet<string>
  readonly problems: readonly string[]
}

/** Finds the entry of each picture of a folder. */
async function findEntries(
  { path, entries }: MetadataFile,
  root: string,
  folder: string,
  names: readonly string[],
): Promise<FoundEntries> {
  const places = new Set([resolve(folder), await realpath(folder).catch(() => resolve(folder))])
  const byName = groupBy(names, (name) => name.normalize("NFC"))
  const byStem = groupBy(names, looseStem)
  const keys = new Map<string, string>()
  const doubled = new Set<string>()
  const problems: string[] = []
  for (const key of entries.keys()) {
    // sd-scripts takes a path from the working folder first: its tools write the paths that they were given.
    const paths = [...new Set([resolve(key), resolve(folder, key), resolve(root, key)])]
    const inside = paths.filter((each) => places.has(dirname(each))).map((each) => basename(each).normalize("NFC"))
    const pictures = new Set(inside.flatMap((name) => byName.get(name) ?? byStem.get(name) ?? []))
    for (const name of pictures) {
      const other = keys.get(name)
      if (other === undefined) keys.set(name, key)
      else {
        doubled.add(key)
        const both = `${shown(other)} and ${shown(key)}`
        problems.push(`the metadata file "${path}" has two entries for "${join(folder, name)}": ${both}. Keep one.`)
      }
    }
  }
  return { keys, doubled, problems }
}

function looseStem(name: string): string {
  return stemOf(name).normalize("NFC")
}

function pathOf(key: string, root: string): string {
  return isAbsolute(key) ? key : join(root, key)
}
