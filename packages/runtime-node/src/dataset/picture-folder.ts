import type { Dirent } from "node:fs"
import { opendir, stat } from "node:fs/promises"
import { extname, join, parse } from "node:path"
import { IMAGE_EXTENSIONS, isReadImage, isUnreadImage } from "@lllite/core/image"
import { fileError, InputError } from "../errors.ts"
import { kindOf } from "../files/file-kind.ts"
import { withSameLetters } from "../files/same-letters.ts"
import { hasCode } from "../files/system-code.ts"

/** The files of a folder. Names are in the order of code points, which is sd-scripts' and the same everywhere. */
export interface PictureFolder {
  readonly path: string
  /** Names of the pictures that can be read. */
  readonly names: readonly string[]
  /** Names of pictures in other formats. */
  readonly unread: readonly string[]
  /** The number of pictures whose names begin with a dot. */
  readonly hidden: number
  /** Folders in it that hold pictures, with their number. */
  readonly folders: ReadonlyMap<string, number>
  /** The name of a file as the folder has it: exactly, or by the same letters in Unicode. Null: there is none. */
  find(name: string): string | null
}

/**
 * Lists a folder. Names that begin with a dot are passed over. They are hidden, or macOS' notes beside other files. Only
 * names are kept of what is there, since a folder may hold millions of files.
 */
export async function readPictureFolder(path: string): Promise<PictureFolder> {
  const files: string[] = []
  const inner: string[] = []
  let hidden = 0
  await eachEntry(path, (entry) => {
    if (!isVisible(entry)) hidden += isReadImage(extname(entry.name)) ? 1 : 0
    else if (!entry.isDirectory()) files.push(entry.name)
    else if (entry.name !== "__MACOSX") inner.push(entry.name)
  })
  const folders = new Map<string, number>()
  for (const name of inner) {
    const count = await countPictures(join(path, name)).catch(() => 0)
    if (count > 0) folders.set(name, count)
  }
  files.sort()
  const composed = new Map(files.filter((name) => !isComposed(name)).map((name) => [name.normalize("NFC"), name]))
  return {
    path,
    names: files.filter((name) => isReadImage(extname(name))),
    unread: files.filter((name) => isUnreadImage(extname(name))),
    hidden,
    folders,
    find(name) {
      if (hasSorted(files, name)) return name
      const same = name.normalize("NFC")
      return hasSorted(files, same) ? same : (composed.get(same) ?? null)
    },
  }
}

/** @throws InputError when a folder cannot be read */
export async function checkFolder(path: string): Promise<void> {
  try {
    await (await withSameLetters(path, (found) => opendir(found))).close()
  } catch (cause) {
    throw await folderError(path, cause)
  }
}

/** The error of a folder that cannot be read. A path that is no folder is named by what it is. */
async function folderError(path: string, cause: unknown): Promise<InputError> {
  const found = hasCode(cause, "ENOTDIR") ? await stat(path).catch(() => null) : null
  if (found === null || found.isDirectory()) return fileError("read the folder", path, cause)
  const what = `cannot read the folder "${path}": it is ${kindOf(found)}, expected a folder. Give the path of a folder.`
  return new InputError("not-a-folder", what, { cause })
}

/** Whether a name has its letters and accents as one sign, as most names have. */
export function isComposed(name: string): boolean {
  return name.normalize("NFC") === name
}

/** The first place of sorted names that is not before a name. */
export function placeInSorted(names: readonly string[], name: string): number {
  let [from, to] = [0, names.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    if ((names[middle] as string) < name) from = middle + 1
    else to = middle
  }
  return from
}

function hasSorted(names: readonly string[], name: string): boolean {
  return names[placeInSorted(names, name)] === name
}

async function countPictures(folder: string): Promise<number> {
  let count = 0
  await eachEntry(folder, (entry) => {
    if (isVisible(entry) && !entry.isDirectory() && isReadImage(extname(entry.name))) count += 1
  })
  return count
}

/** A sentence for a folder without pictures. It names the folders in it that hold some. */
export function describeEmpty({ path, folders, hidden }: PictureFolder, word: string): string {
  const [first] = folders
  if (first === undefined) {
    const aside = hidden === 0 ? "" : `. Names that begin with a dot are passed over: ${hidden} of them`
    return `"${path}" has no ${word}, expected files with the extension ${IMAGE_EXTENSIONS.join(", ")}${aside}`
  }
  const [name, count] = first
  const pictures = count === 1 ? "one" : String(count)
  const more =
    folders.size > 1 ? ` ${folders.size - 1} more of its folders hold some. Each is a subset of its own.` : ""
  // The layout of LoRA training: "10_ring" shows each picture ten times.
  const repeats = /^(\d+)_/.exec(name)?.[1]
  const advice = repeats === undefined ? "" : `, and ${Number(repeats)} as num_repeats`
  return `"${path}" itself has no ${word}, but its folder "${name}" has ${pictures}. Give "${join(path, name)}"${advice}.${more}`
}

/** A picture's name without its ending. Names that look the same are the same. */
export function stemOf(name: string): string {
  return parse(name).name
}

function isVisible({ name }: { readonly name: string }): boolean {
  return !name.startsWith(".")
}

/** Entries that the system is asked for at once. */
const ENTRIES_AT_ONCE = 1024

/** Looks at everything in a folder, in the system's order. */
async function eachEntry(path: string, look: (entry: Dirent) => void): Promise<void> {
  try {
    const entries = await withSameLetters(path, (found) => opendir(found, { bufferSize: ENTRIES_AT_ONCE }))
    for await (const entry of entries) look(entry)
  } catch (cause) {
    throw await folderError(path, cause)
  }
}
