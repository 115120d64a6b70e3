import { join, parse } from "node:path"
import { compareShapes } from "@lllite/core/image"
import type { Remark } from "@lllite/core/names"
import { checkArgument } from "@lllite/core/names"
import { captionFileNames, captionOfText } from "@lllite/core/training"
import { fileError, InputError } from "../errors.ts"
import { readTextFile } from "../files/read-text.ts"
import { readImageHeader, shapeOf } from "../images/read-image.ts"
import { listShards } from "../shards/list-shards.ts"
import type { FileProblem, FileProblemKind, PairFiles } from "./file-problems.ts"
import { eachInParallel } from "./in-parallel.ts"
import { matchControls } from "./match-controls.ts"
import type { MetadataCaption } from "./metadata-captions.ts"
import { metadataCaptions } from "./metadata-captions.ts"
import type { PairListing, WatchOptions } from "./pair-listing.ts"
import type { PairContents } from "./pair-table.ts"
import { createPairTable } from "./pair-table.ts"
import type { PictureFolder } from "./picture-folder.ts"
import { readPictureFolder } from "./picture-folder.ts"
import type { SubsetConfig } from "./subset-config.ts"

/**
 * Finds the pictures directly inside a folder, sorted by name. A control has the same name in the other folder, with any
 * extension. Only headers are decoded. All problems are collected.
 *
 * Names that begin with a dot are passed over. Source: sd-scripts `ControlNetDataset`.
 *
 * @throws the signal's reason when aborted
 */
export async function listPairs(config: SubsetConfig, watch: WatchOptions = {}): Promise<PairListing> {
  checkArgument("listPairs: the subset", config, "an object")
  const { shards } = config
  if (shards !== undefined) return listShards({ ...config, shards }, watch)
  const { signal, onProgress } = watch
  const folders = await readFolders(config)
  if ("problems" in folders) return unreadable(config, folders.problems)
  const metadata = config.metadata === null ? null : await metadataCaptions(config.metadata, folders, config.captions)
  const { images, controls } = metadata ?? folders
  const captionOf = metadata === null ? captionFiles(images, config) : captionEntries(metadata.captions, images)
  const matched = matchControls(images, controls)
  const { imageDir, controlDir, captions: rules } = config
  const writer = createPairTable({ imageDir, controlDir, rules }, matched)
  /** What is to be said about pairs, by their numbers. Most of a million pairs have nothing. */
  const findings: [pair: number, found: PairFinding][] = []
  let done = 0
  await eachInParallel(matched.images.entries(), async ([index, name]) => {
    signal?.throwIfAborted()
    const { contents, finding } = await readPair(writer.filesAt(index), () => captionOf(name))
    if (contents !== null) writer.put(index, contents)
    if (finding !== null) findings.push([index, finding])
    onProgress?.(++done, matched.images.length)
  })
  findings.sort(([a], [b]) => a - b)
  return {
    pairs: writer.table(),
    problems: [
      ...(metadata?.problems ?? NONE),
      ...matched.problems,
      ...findings.flatMap(([, { problems = NONE }]) => problems),
    ],
    remarks: [
      ...findings.flatMap(([, { remarks = NONE }]) => remarks),
      ...matched.remarks,
      ...(metadata?.remarks ?? NONE),
    ],
    readable: findings.flatMap(([, { readable = NONE }]) => readable),
    entries: metadata?.used ?? NONE,
  }
}

/** The two folders of a subset, or why they cannot be read. Both may be missing. */
async function readFolders({
  imageDir,
  controlDir,
}: SubsetConfig): Promise<
  | { readonly images: PictureFolder; readonly controls: PictureFolder }
  | { readonly problems: readonly [FileProblem, ...FileProblem[]] }
> {
  const problems: FileProblem[] = []
  const read = (path: string): Promise<PictureFolder | undefined> =>
    attempt(
      () => readPictureFolder(path),
      (text) => void problems.push({ kind: "unread-folder", path, text }),
    )
  const [images, controls] = [await read(imageDir), await read(controlDir)]
  const [first, ...others] = problems
  if (first !== undefined) return { problems: [first, ...others] }
  if (images === undefined || controls === undefined) throw new Error("a folder was neither read nor refused")
  return { images, controls }
}

/** A listing without pairs. */
function unreadable({ imageDir, controlDir, captions }: SubsetConfig, problems: readonly FileProblem[]): PairListing {
  const writer = createPairTable({ imageDir, controlDir, rules: captions }, { images: [], controls: [] })
  return { pairs: writer.table(), problems, remarks: NONE, readable: NONE, entries: NONE }
}

/** The remarks about all folders. A control or an entry that one folder does not use may be used in another. */
export function joinRemarks(
  listings: readonly Pick<PairListing, "pairs" | "remarks" | "entries">[],
): readonly Remark[] {
  const remarks = listings.flatMap((listing) => listing.remarks)
  if (listings.length === 1) return remarks
  // Few controls are not used, and most of a million are. So the used ones are taken out of the others.
  const notUsed = new Set(remarks.flatMap(({ kind, path }) => (kind === "unused-control" ? [path] : [])))
  const usedControls = new Set<string>()
  for (const { pairs } of notUsed.size === 0 ? [] : listings) {
    for (const { control } of pairs) if (notUsed.has(control)) usedControls.add(control)
  }
  const used = {
    "unused-control": usedControls,
    "unused-entry": new Set(listings.flatMap(({ entries }) => entries)),
  } as const
  const seen = new Set<string>()
  return remarks.filter(({ kind, path }) => {
    if (kind === "unread-resolution" || kind === "unused-control" || kind === "unused-entry") {
      if (kind !== "unread-resolution" && used[kind].has(path)) return false
      const name = `${kind} ${path}`
      if (seen.has(name)) return false
      seen.add(name)
    }
    return true
  })
}

/** What is to be said about a pair. A list is there if it has something. */
interface PairFinding {
  readonly problems?: readonly FileProblem[]
  readonly remarks?: readonly Remark[]
  readonly readable?: readonly string[]
}

/** What a pair holds, or null with a problem, and what is to be said about it. */
interface FoundPair {
  readonly contents: PairContents | null
  readonly finding: PairFinding | null
}

const NONE: readonly never[] = []

async function readPair(pair: PairFiles, captionOf: () => Promise<Caption>): Promise<FoundPair> {
  const problems: FileProblem[] = []
  const remarks: Remark[] = []
  const { image, control } = pair
  const report = (kind: FileProblemKind, path: string, text: string): void =>
    void problems.push({ kind, path, text, pair })
  const caption = await attempt(captionOf, (text) => report("caption", image, text))
  const header = await attempt(
    () => readImageHeader(image),
    (text) => report("picture", image, text),
  )
  const controlHeader = await attempt(
    () => readImageHeader(control),
    (text) => report("picture", control, text),
  )
  if (caption !== undefined) remarks.push(...caption.remarks)
  const found = (contents: PairContents | null): FoundPair => ({
    contents,
    finding:
      contents !== null && remarks.length === 0
        ? null
        : {
            ...(problems.length === 0 ? {} : { problems }),
            ...(remarks.length === 0 ? {} : { remarks }),
            ...(contents !== null
              ? {}
              : {
                  readable: [
                    ...(header === undefined ? [] : [image]),
                    ...(controlHeader === undefined ? [] : [control]),
                  ],
                }),
          },
  })
  if (header === undefined || controlHeader === undefined) return found(null)
  const shape = compareShapes(shapeOf(controlHeader), shapeOf(header))
  if (shape.kind === "other") {
    const [a, b] = [controlHeader, header].map(({ width, height }) => `${width}x${height}`)
    report("shape", control, `"${control}" is ${a} and its picture ${b}, expected one shape. ${shape.reason}`)
    return found(null)
  }
  if (shape.kind === "stretched") remarks.push({ kind: "stretched-control", path: control })
  if (caption === undefined) return found(null)
  const { width, height } = header
  return found({ caption: caption.text, width, height })
}

interface Caption {
  readonly text: string
  readonly remarks: readonly Remark[]
}

/** The caption of a picture, by its file name. */
type CaptionSource = (name: string) => Promise<Caption>

/** Captions of a metadata file. A picture without one has a problem already. */
function captionEntries(captions: ReadonlyMap<string, MetadataCaption>, folder: PictureFolder): CaptionSource {
  return async (name) => {
    const caption = captions.get(name)
    if (caption === undefined) return { text: "", remarks: NONE }
    const path = join(folder.path, name)
    const remarks: Remark[] = []
    if (caption.text === "") remarks.push({ kind: "empty-entry", path })
    if (caption.isCut) remarks.push({ kind: "cut-entry", path })
    return { text: caption.text, remarks }
  }
}

/** Captions from files beside the pictures. */
function captionFiles(folder: PictureFolder, config: SubsetConfig): CaptionSource {
  const { classTokens } = config
  return async (name) => {
    const caption = await readCaption(folder, parse(name).name, config)
    if (caption !== null) return caption
    if (classTokens !== undefined) return { text: classTokens, remarks: NONE }
    return { text: "", remarks: [{ kind: "no-caption", path: join(folder.path, name) }] }
  }
}

/** The caption of a picture, or null when it has no caption file. */
async function readCaption(folder: PictureFolder, stem: string, config: SubsetConfig): Promise<Caption | null> {
  const { wildcard = false } = config.captions
  for (const name of captionFileNames(stem, config.captionExtension)) {
    const path = join(folder.path, folder.find(name) ?? name)
    const content = await readTextFile(path).catch((error: unknown) => {
      if (isMissing(error)) return null
      throw error
    })
    if (content === null) continue
    const text = captionOfText(content, wildcard)
    const isCut = !wildcard && captionOfText(content, true).includes("\n")
    if (text !== "") return { text, remarks: isCut ? [{ kind: "cut-caption", path }] : NONE }
    const what = wildcard ? "it is empty. Write a caption there." : "its first line is empty. Write the caption there."
    throw fileError("use", path, new Error(`${what} Without the file, the caption is empty.`))
  }
  return null
}

function isMissing(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT"
}

/** The result, or undefined. The reason is then reported. */
async function attempt<T>(work: () => Promise<T>, report: (text: string) => void): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    // Without the decoder, every picture has the same problem, and none is at fault.
    if (error instanceof InputError && error.code === "sharp-missing") throw error
    report(error instanceof Error ? error.message : String(error))
    return undefined
  }
}
