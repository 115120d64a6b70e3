import { join, parse } from "node:path"
import { compareShapes, type PictureShape } from "@lllite/core/image"
import type { Remark } from "@lllite/core/names"
import type { CaptionRules, RuledCaption } from "@lllite/core/training"
import { captionFileNames, captionOfText } from "@lllite/core/training"
import { fileError, InputError } from "../errors.ts"
import { readTextFile } from "../files/read-text.ts"
import type { ImageHeader, ImageSize } from "../images/read-image.ts"
import { readImageHeader } from "../images/read-image.ts"
import type { SubsetConfig } from "./dataset-config.ts"
import type { FileProblem, FileProblemKind, PairFiles } from "./file-problems.ts"
import { mapInParallel } from "./in-parallel.ts"
import { matchControls } from "./match-controls.ts"
import type { MetadataCaption } from "./metadata-captions.ts"
import { metadataCaptions } from "./metadata-captions.ts"
import type { PictureFolder } from "./picture-folder.ts"
import { readPictureFolder } from "./picture-folder.ts"

/** A picture, its control and its caption. */
export interface Pair extends PairFiles {
  /** The caption as its file has it, with its rules: a line, or with wildcards all lines. Empty without a file or entry. */
  readonly text: RuledCaption
  readonly size: ImageSize
}

/** The pairs of two folders, and their problems. */
export interface PairListing {
  readonly pairs: readonly Pair[]
  /** A cause of other problems comes before them. */
  readonly problems: readonly FileProblem[]
  /** What is allowed and may be a mistake. */
  readonly remarks: readonly Remark[]
  /** Pictures and controls whose headers can be read, also of pairs with a problem. */
  readonly readable: readonly string[]
  /** Entries of a metadata file that are used, as paths. */
  readonly entries: readonly string[]
}

/** Options of long work over files. */
export interface WatchOptions {
  readonly signal?: AbortSignal
  /** Called after every file, with the number of files done and of all. */
  readonly onProgress?: (done: number, count: number) => void
}

/**
 * Finds the pictures directly inside a folder, sorted by name. A control has the same name in the other folder, with any
 * extension. Only headers are decoded. All problems are collected.
 *
 * Names that begin with a dot are passed over. Source: sd-scripts `ControlNetDataset`.
 *
 * @throws InputError when a folder cannot be read; the signal's reason when aborted
 */
export async function listPairs(config: SubsetConfig, { signal, onProgress }: WatchOptions = {}): Promise<PairListing> {
  const folders = {
    images: await readPictureFolder(config.imageDir),
    controls: await readPictureFolder(config.controlDir),
  }
  const metadata = config.metadata === null ? null : await metadataCaptions(config.metadata, folders, config.captions)
  const { images, controls } = metadata ?? folders
  const captionOf = metadata === null ? captionFiles(images, config) : captionEntries(metadata.captions, images)
  const matched = matchControls(images, controls)
  let done = 0
  const found = await mapInParallel(matched.pairs, async (names) => {
    signal?.throwIfAborted()
    const result = await readPair(images, controls, names, config.captions, captionOf)
    onProgress?.(++done, matched.pairs.length)
    return result
  })
  return {
    pairs: found.flatMap(({ pair }) => pair ?? []),
    problems: [
      ...(metadata?.problems ?? NONE),
      ...matched.problems,
      ...found.flatMap(({ problems = NONE }) => problems),
    ],
    remarks: [...found.flatMap(({ remarks = NONE }) => remarks), ...matched.remarks, ...(metadata?.remarks ?? NONE)],
    readable: found.flatMap(({ pair, readable = NONE }) => (pair === null ? readable : [pair.image, pair.control])),
    entries: metadata?.used ?? NONE,
  }
}

/** The remarks about all folders. A control or an entry that one folder does not use may be used in another. */
export function joinRemarks(
  listings: readonly Pick<PairListing, "pairs" | "remarks" | "entries">[],
): readonly Remark[] {
  const remarks = listings.flatMap((listing) => listing.remarks)
  if (listings.length === 1) return remarks
  const used = {
    "unused-control": new Set(listings.flatMap(({ pairs }) => pairs.map(({ control }) => control))),
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

/** What is found of a pair. A list is there if it has something: most of a million pairs have nothing. */
interface FoundPair {
  readonly pair: Pair | null
  readonly problems?: readonly FileProblem[]
  readonly remarks?: readonly Remark[]
  /** For a pair with a problem. */
  readonly readable?: readonly string[]
}

const NONE: readonly never[] = []

async function readPair(
  images: PictureFolder,
  controls: PictureFolder,
  names: { readonly image: string; readonly control: string },
  rules: CaptionRules,
  captionOf: CaptionSource,
): Promise<FoundPair> {
  const problems: FileProblem[] = []
  const remarks: Remark[] = []
  const image = join(images.path, names.image)
  const control = join(controls.path, names.control)
  const pair: PairFiles = { image, control }
  const report = (kind: FileProblemKind, path: string, text: string): void =>
    void problems.push({ kind, path, text, pair })
  const caption = await attempt(
    () => captionOf(names.image),
    (text) => report("caption", image, text),
  )
  const header = await attempt(
    () => readImageHeader(image),
    (text) => report("picture", image, text),
  )
  const controlHeader = await attempt(
    () => readImageHeader(control),
    (text) => report("picture", control, text),
  )
  if (caption !== undefined) remarks.push(...caption.remarks)
  const found = (complete: Pair | null): FoundPair => ({
    pair: complete,
    ...(problems.length === 0 ? {} : { problems }),
    ...(remarks.length === 0 ? {} : { remarks }),
    ...(complete !== null
      ? {}
      : { readable: [...(header === undefined ? [] : [image]), ...(controlHeader === undefined ? [] : [control])] }),
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
  return found({ ...pair, text: { caption: caption.text, rules }, size: { width, height } })
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

function shapeOf({ width, height, traits }: ImageHeader): PictureShape {
  return { width, height, isTurned: traits.includes("turned") }
}
