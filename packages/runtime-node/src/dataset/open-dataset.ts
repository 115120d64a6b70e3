import { cutCaptionNotices, isCutCaption } from "@lllite/core/models"
import {
  checkArgument,
  checkOptions,
  checkRanges,
  type OptionKinds,
  remarkNotices,
  TRAIN_RANGES,
} from "@lllite/core/names"
import type { CaptionRules, RuledCaption, Sized, TrainDataset } from "@lllite/core/training"
import { captionChanges, longestCaption } from "@lllite/core/training"
import { readTokenizer } from "../checkpoint.ts"
import { InputError } from "../errors.ts"
import { pictureNotices } from "../images/picture-traits.ts"
import type { LatentCacheOptions } from "../latent-cache/latent-store.ts"
import { createLatentFiles } from "../latent-cache/latent-store.ts"
import type { Problem } from "../options/problems.ts"
import type { CaptionReading, TextCacheOptions } from "../text-cache/text-store.ts"
import { createTextFiles } from "../text-cache/text-store.ts"
import { augmentationNotices, describeAugmentations, withoutUsedAlpha } from "./augmentation-notices.ts"
import { captionRuleNotices } from "./caption-notices.ts"
import { checkPictures } from "./check-pictures.ts"
import type { DatasetConfig } from "./dataset-config.ts"
import type { Entry } from "./entry.ts"
import { cachedCaptions, cachedPictures, captionOf, PLAIN_VIEW, readExample } from "./entry.ts"
import type { EntryFolder, EntryTable } from "./entry-table.ts"
import { createEntryTable } from "./entry-table.ts"
import type { FileProblem } from "./file-problems.ts"
import { createFitter } from "./fit-pair.ts"
import { fitProblems } from "./fit-problems.ts"
import type { DatasetGroup } from "./group-config.ts"
import type { PairListing, WatchOptions } from "./pair-listing.ts"
import { joinRemarks, listPairs } from "./pairs.ts"
import type { SubsetConfig } from "./subset-config.ts"

/** Pairs of pictures in folders, ready to train with. */
export interface FolderDataset extends TrainDataset {
  /** The most pairs in a batch. The sizes of examples may name fewer. */
  readonly batchSize: number
  /** Its data sets in order: their examples, and how pairs are held out of them. */
  readonly groups: readonly (Pick<DatasetGroup, "holdOut"> & { readonly examples: number })[]
  /** The size of every example, by which batches are made. */
  readonly sizes: readonly Sized[]
  /** What changes from step to step, in words, folder by folder. */
  readonly augmentations: string
  /** Pictures in the folders; `count` counts repeats too. */
  readonly pictures: number
  /** Things that are allowed but may be mistakes, one sentence each. */
  readonly notices: readonly string[]
  /** The rules of its captions: those of each folder, in order. */
  readonly captionRules: readonly CaptionRules[]
  /** The number of pictures whose caption differs from step to step. */
  readonly changingCaptions: number
}

/** The most examples of an epoch, repeats included. The order of an epoch is a list in memory. */
const MOST_EXAMPLES = 10_000_000
/** How many problems are written out. */
const SHOWN_PROBLEMS = 20
/** Bytes of a caption that needs no tokenizer to be known as short. No token stands for less than a byte. */
const SURELY_SHORT = 75
/** The most bytes of a sign that is not ASCII. In lower case, a sign may take more bytes. */
const MOST_BYTES = 3
/** How many pairs without a problem are named beside problems. */
const SHOWN_USABLE = 3

/** Progress of {@link openDataset}: headers and captions are read, then pictures are decoded. */
export interface DatasetProgress {
  readonly phase: "list" | "check"
  /** Files done in the phase, and files of the phase. A phase `list` has the pairs of one folder. */
  readonly done: number
  readonly count: number
}

/** Options of {@link openDataset}. */
export interface OpenDatasetOptions {
  /** Stops the work between two files. */
  readonly signal?: AbortSignal
  /** Chunks of 75 tokens that training reads of a caption, for the notice about longer ones. Default: 1. */
  readonly captionChunks?: number
  /** Whether training reads weights in captions, for the same notice. Default: false. */
  readonly weightedCaptions?: boolean
  /** Keeps latents in files beside the pictures. Default: they are kept in memory */
  readonly latentCache?: LatentCacheOptions
  /** Keeps encoded captions in files beside the pictures, of those that do not change. Default: in memory */
  readonly textCache?: TextCacheOptions
  readonly onProgress?: (progress: DatasetProgress) => void
}

const KINDS: OptionKinds<OpenDatasetOptions> = {
  signal: "an AbortSignal",
  captionChunks: "a number",
  weightedCaptions: "true or false",
  latentCache: "an object",
  textCache: "an object",
  onProgress: "a function",
}

/**
 * Examines all folders of a data set. Every picture is decoded once, so that a broken one is found before the training
 * begins. No picture is kept: they are decoded again on demand.
 *
 * @throws InputError with all problems, by file: missing controls, broken pictures, formats that are not read, empty
 * captions; the signal's reason when aborted
 */
export async function openDataset(config: DatasetConfig, options: OpenDatasetOptions = {}): Promise<FolderDataset> {
  checkArgument("openDataset: the data set", config, "an object")
  checkArgument("openDataset: the data set's groups", config.groups, "a list")
  checkOptions("openDataset", options, KINDS)
  checkRanges("openDataset", { captionChunks: options.captionChunks }, TRAIN_RANGES)
  const { signal, captionChunks = 1, weightedCaptions = false, onProgress } = options
  const watch = (phase: DatasetProgress["phase"]): WatchOptions => ({
    ...(signal === undefined ? {} : { signal }),
    onProgress: (done, count) => onProgress?.({ phase, done, count }),
  })
  if (options.latentCache !== undefined || options.textCache !== undefined) refuseCaches(config)
  const folders: ListedFolder[] = []
  let examples = 0
  for (const group of config.groups) {
    const fitter = createFitter(group)
    for (const subset of group.subsets) {
      const listing = await listPairs(subset, watch("list"))
      folders.push({ ...listing, subset, fitter, group })
      checkExamples(examples, listing.pairs.length, subset)
      examples += listing.pairs.length * subset.repeats
    }
  }
  const checked = await checkPictures(folders, watch("check"))
  refuseProblems(folders, [...checked.problems, ...fitProblems(folders)])
  const entries = createEntryTable(
    folders.map(({ pairs, subset, fitter, group }) => ({ pairs, subset, fitter, group })),
  )
  const notices = [
    ...config.notices,
    ...(await captionNotices(entries, captionChunks, weightedCaptions)),
    ...remarkNotices(joinRemarks(folders), captionExtensions(config)),
    ...captionRuleNotices(folders.map(({ subset, pairs }) => ({ rules: subset.captions, pairs }))),
    ...augmentationNotices(config, entries, checked.pictures),
    ...pictureNotices(withoutUsedAlpha(entries, checked.pictures)),
  ]
  return datasetOf(config, entries, notices, options)
}

/** @throws InputError for archives: files of caches lie beside pictures */
function refuseCaches({ groups }: DatasetConfig): void {
  const shards = groups.flatMap(({ subsets }) => subsets).find((subset) => subset.shards !== undefined)?.shards
  if (shards === undefined) return
  throw new InputError(
    "dataset-options",
    `cache_latents_to_disk and cache_text_encoder_outputs_to_disk keep files beside pictures, and those of "${shards.pattern}" lie in archives. Leave them out.`,
  )
}

/** A folder, with what was found in it. */
type ListedFolder = EntryFolder & PairListing

/** @throws InputError with the problems of all folders */
function refuseProblems(folders: readonly ListedFolder[], ofPictures: readonly FileProblem[]): void {
  const listed: Problem[] = [
    ...folders.flatMap(({ problems, subset }) =>
      problems.map((problem) => ({ ...placeOf(problem, subset), text: problem.text })),
    ),
    ...ofPictures.map(({ text }) => ({ ...DATA_SET, text })),
  ]
  if (listed.length === 0) return
  const broken = new Set(ofPictures.map(({ path }) => path))
  const usable: string[] = []
  for (const { pairs } of folders) {
    for (const { image, control } of pairs) if (!broken.has(image) && !broken.has(control)) usable.push(image)
  }
  const texts = listed.map(({ text }) => text)
  throw new InputError("dataset-files", describeProblems(texts, usable), { problems: listed })
}

const DATA_SET = { where: "data set" } as const

/** Where the problem is to be solved: a folder in the file that names it, and other files in themselves. */
function placeOf({ kind, path }: FileProblem, { place, controlDir }: SubsetConfig): Pick<Problem, "where" | "line"> {
  if (place === undefined || (kind !== "unread-folder" && kind !== "empty-folder")) return DATA_SET
  return path === controlDir ? place.controls : place.images
}

/** The data set of these entries. It keeps nothing else of the listing. */
function datasetOf(
  config: DatasetConfig,
  entries: EntryTable,
  notices: readonly string[],
  { latentCache, textCache, captionChunks: chunks = 1, weightedCaptions: isWeighted = false }: OpenDatasetOptions,
): FolderDataset {
  const subsets = config.groups.flatMap((group) => group.subsets)
  const changing = (index: number): RuledCaption | null => {
    const text = entries.textOfExample(index)
    return captionChanges(text.caption, text.rules) ? text : null
  }
  return {
    count: entries.examples,
    pictures: entries.length,
    captionRules: subsets.map(({ captions }) => captions),
    changingCaptions: countChanging(entries),
    batchSize: config.batchSize,
    groups: config.groups.map((group) => ({ holdOut: group.holdOut, examples: entries.examplesOf(group) })),
    augmentations: describeAugmentations(config),
    sizes: sizesOf(entries, config),
    ...streamingOf(entries),
    notices,
    original: (index) => entries.firstOf(index),
    augmentation: (index) => entries.ofExample(index).augmentation,
    ...(latentCache === undefined ? {} : { latents: latentsOf(latentCache, entries, subsets) }),
    ...(textCache === undefined ? {} : { texts: textsOf(textCache, { chunks, isWeighted }, entries) }),
    changingCaption: changing,
    captionOf: (index) => captionOf(entries.ofExample(index)),
    example: async (index, view = PLAIN_VIEW) => readExample(entries.ofExample(index), view),
  }
}

/** How pairs in archives are read. */
function streamingOf(entries: EntryTable): Pick<TrainDataset, "isStreamed" | "reading"> {
  const { blocks } = entries
  if (blocks === null) return {}
  return { isStreamed: (index) => entries.ofExample(index).subset.shards !== undefined, reading: blocks }
}

function latentsOf(latentCache: LatentCacheOptions, entries: EntryTable, subsets: readonly SubsetConfig[]) {
  const cached = cachedPictures(entries, entries.at, subsets)
  return createLatentFiles(latentCache, (index) => cached(entries.pictureOf(index)))
}

function textsOf(textCache: TextCacheOptions, reading: CaptionReading, entries: EntryTable) {
  const cached = cachedCaptions(entries, entries.at)
  return createTextFiles(textCache, reading, (index) => cached(entries.pictureOf(index)))
}

function countChanging(entries: EntryTable): number {
  let count = 0
  for (const { pair } of entries) if (captionChanges(pair.text.caption, pair.text.rules)) count += 1
  return count
}

/** The size of each example. Examples of one size and batch share an object. */
function sizesOf(entries: EntryTable, config: DatasetConfig): readonly Sized[] {
  const known = new Map<string, Sized>()
  const sizes: Sized[] = []
  for (const { fit, subset, batchSize } of entries) {
    const [width, height] = fit.cropped
    const key = `${width}x${height} by ${batchSize}`
    const own = batchSize === config.batchSize ? {} : { batchSize }
    const size = known.get(key) ?? { width, height, ...own }
    known.set(key, size)
    for (let repeat = 0; repeat < subset.repeats; repeat++) sizes.push(size)
  }
  return sizes
}

/** @throws InputError when the pairs of a folder, repeats included, make an epoch too long */
export function checkExamples(before: number, pairs: number, { imageDir, repeats }: SubsetConfig): void {
  const count = before + pairs * repeats
  if (count <= MOST_EXAMPLES) return
  throw new InputError(
    "dataset-options",
    `data set: ${pairs} pairs of "${imageDir}", each ${repeats} times, make ${count} examples in an epoch, expected at most ${MOST_EXAMPLES}. Lower num_repeats, and train more epochs.`,
  )
}

function describeProblems(problems: readonly string[], usable: readonly string[]): string {
  const [only] = problems
  if (problems.length === 1) return `the data set has a problem: ${only}`
  const shown = problems.slice(0, SHOWN_PROBLEMS).map((problem) => `\n  - ${problem}`)
  const more = problems.length > SHOWN_PROBLEMS ? `\n  - and ${problems.length - SHOWN_PROBLEMS} more` : ""
  return `the data set has ${problems.length} problems:${shown.join("")}${more}${describeUsable(usable)}`
}

/** Which pairs are in order. Among many problems, this shows whether a format or a folder as a whole is the cause. */
function describeUsable(images: readonly string[]): string {
  if (images.length === 0) return ""
  const names = images.slice(0, SHOWN_USABLE).map((image) => `"${image}"`)
  const more = images.length > SHOWN_USABLE ? " …" : ""
  return `\n${images.length === 1 ? "One pair has" : `${images.length} pairs have`} no problem: ${names.join(", ")}${more}`
}

function captionExtensions({ groups }: DatasetConfig): readonly string[] {
  return [...new Set(groups.flatMap(({ subsets }) => subsets.map(({ captionExtension }) => captionExtension)))]
}

/** The notice about captions of which only the first tokens are read. The tokenizer is read if one may be that long. */
async function captionNotices(
  entries: Iterable<Entry>,
  chunks: number,
  isWeighted: boolean,
): Promise<readonly string[]> {
  let tokenizer: Awaited<ReturnType<typeof readTokenizer>> | null = null
  const cut: string[] = []
  for (const { pair } of entries) {
    const caption = longestCaption(pair.text)
    const isAscii = Buffer.byteLength(caption) === caption.length
    if ((isAscii ? 1 : MOST_BYTES) * caption.length <= SURELY_SHORT) continue
    tokenizer ??= await readTokenizer()
    if (isCutCaption(tokenizer, caption, chunks, isWeighted)) cut.push(pair.image)
  }
  return cutCaptionNotices(cut, chunks)
}
