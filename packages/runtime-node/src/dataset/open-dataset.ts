import { cutCaptionNotices, isCutCaption } from "@lllite/core/models"
import { remarkNotices } from "@lllite/core/names"
import type { CaptionRules, Sized, TrainDataset } from "@lllite/core/training"
import { captionChanges, longestCaption } from "@lllite/core/training"
import { readTokenizer } from "../checkpoint.ts"
import { InputError } from "../errors.ts"
import { pictureNotices } from "../images/picture-traits.ts"
import type { LatentCacheOptions } from "../latent-cache/latent-store.ts"
import { createLatentFiles } from "../latent-cache/latent-store.ts"
import type { TextCacheOptions } from "../text-cache/text-store.ts"
import { createTextFiles } from "../text-cache/text-store.ts"
import { augmentationNotices, describeAugmentations, withoutUsedAlpha } from "./augmentation-notices.ts"
import { captionRuleNotices, type FolderCaptions } from "./caption-notices.ts"
import { checkPictures } from "./check-pictures.ts"
import type { DatasetConfig, SubsetConfig } from "./dataset-config.ts"
import type { Entry } from "./entry.ts"
import { cachedCaptions, cachedPictures, captionOf, entryOf, PLAIN_VIEW, readExample } from "./entry.ts"
import { createFitter } from "./fit-pair.ts"
import type { Pair, PairListing, WatchOptions } from "./pairs.ts"
import { joinRemarks, listPairs } from "./pairs.ts"

/** Pairs of pictures in folders, ready to train with. */
export interface FolderDataset extends TrainDataset {
  readonly batchSize: number
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

/**
 * Examines all folders of a data set. Every picture is decoded once, so that a broken one is found before the training
 * begins. No picture is kept: they are decoded again on demand.
 *
 * @throws InputError with all problems, by file: missing controls, broken pictures, formats that are not read, empty
 * captions; the signal's reason when aborted
 */
export async function openDataset(config: DatasetConfig, options: OpenDatasetOptions = {}): Promise<FolderDataset> {
  const { signal, captionChunks = 1, weightedCaptions = false, onProgress, latentCache, textCache } = options
  const watch = (phase: DatasetProgress["phase"]): WatchOptions => ({
    ...(signal === undefined ? {} : { signal }),
    onProgress: (done, count) => onProgress?.({ phase, done, count }),
  })
  const entries: Entry[] = []
  /** The picture of every example. */
  const pictureOf: number[] = []
  const listings: PairListing[] = []
  for (const group of config.groups) {
    const fitter = createFitter(group)
    for (const subset of group.subsets) {
      const listing = await listPairs(subset, watch("list"))
      listings.push(listing)
      checkExamples(pictureOf.length, listing.pairs.length, subset)
      for (const pair of listing.pairs) {
        const picture = entries.push(entryOf(pair, entries.length, subset, fitter, group)) - 1
        for (let repeat = 0; repeat < subset.repeats; repeat++) pictureOf.push(picture)
      }
    }
  }
  const readable = listings.flatMap((listing) => listing.readable)
  const checked = await checkPictures([...new Set(readable)], watch("check"))
  const problems = [...listings.flatMap((listing) => listing.problems), ...checked.problems].map(({ text }) => text)
  if (problems.length > 0) {
    const broken = new Set(checked.problems.map(({ path }) => path))
    const pairs = listings.flatMap((listing) => listing.pairs)
    const usable = pairs.filter(({ image, control }) => !broken.has(image) && !broken.has(control))
    const listed = problems.map((text) => ({ where: "data set", text }))
    throw new InputError("dataset-files", describeProblems(problems, usable), { problems: listed })
  }
  const firsts: number[] = []
  for (const [index, picture] of pictureOf.entries()) firsts[picture] ??= index
  const entryAt = (index: number): Entry => {
    const entry = entries[pictureOf[index] ?? Number.NaN]
    if (entry !== undefined) return entry
    throw new InputError("dataset-index", `data set: there is no example ${index} of ${pictureOf.length}`)
  }
  const byExample =
    <T>(of: (picture: number) => T): ((index: number) => T) =>
    (index) =>
      of(pictureOf[index] ?? Number.NaN)
  const reading = { chunks: captionChunks, isWeighted: weightedCaptions }
  const sizes = sizesOf(entries)
  return {
    count: pictureOf.length,
    pictures: entries.length,
    captionRules: config.groups.flatMap(({ subsets }) => subsets.map(({ captions }) => captions)),
    changingCaptions: entries.filter(({ pair: { text } }) => captionChanges(text.caption, text.rules)).length,
    batchSize: config.batchSize,
    augmentations: describeAugmentations(config),
    sizes: pictureOf.map((picture) => sizes[picture] as Sized),
    notices: [
      ...config.notices,
      ...(await captionNotices(entries, captionChunks, weightedCaptions)),
      ...remarkNotices(joinRemarks(listings), captionExtensions(config)),
      ...captionRuleNotices(foldersOf(config, entries)),
      ...augmentationNotices(config, entries, checked.pictures),
      ...pictureNotices(withoutUsedAlpha(entries, checked.pictures)),
    ],
    original: (index) => firsts[pictureOf[index] ?? Number.NaN] ?? index,
    augmentation: (index) => entryAt(index).augmentation,
    ...(latentCache === undefined
      ? {}
      : { latents: createLatentFiles(latentCache, byExample(cachedPictures(entries))) }),
    ...(textCache === undefined
      ? {}
      : { texts: createTextFiles(textCache, reading, byExample(cachedCaptions(entries))) }),
    changingCaption: (index) => {
      const { text } = entryAt(index).pair
      return captionChanges(text.caption, text.rules) ? text : null
    },
    captionOf: (index) => captionOf(entryAt(index)),
    example: async (index, view = PLAIN_VIEW) => readExample(entryAt(index), view),
  }
}

/** The size of each picture. Pictures of one size share an object. */
function sizesOf(entries: readonly Entry[]): readonly Sized[] {
  const known = new Map<string, Sized>()
  return entries.map(({ fit: { cropped } }) => {
    const size = known.get(cropped.join()) ?? { width: cropped[0], height: cropped[1] }
    known.set(cropped.join(), size)
    return size
  })
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

function describeProblems(problems: readonly string[], usable: readonly Pair[]): string {
  const [only] = problems
  if (problems.length === 1) return `the data set has a problem: ${only}`
  const shown = problems.slice(0, SHOWN_PROBLEMS).map((problem) => `\n  - ${problem}`)
  const more = problems.length > SHOWN_PROBLEMS ? `\n  - and ${problems.length - SHOWN_PROBLEMS} more` : ""
  return `the data set has ${problems.length} problems:${shown.join("")}${more}${describeUsable(usable)}`
}

/** Which pairs are in order. Among many problems, this shows whether a format or a folder as a whole is the cause. */
function describeUsable(pairs: readonly Pair[]): string {
  if (pairs.length === 0) return ""
  const names = pairs.slice(0, SHOWN_USABLE).map(({ image }) => `"${image}"`)
  const more = pairs.length > SHOWN_USABLE ? " …" : ""
  return `\n${pairs.length === 1 ? "One pair has" : `${pairs.length} pairs have`} no problem: ${names.join(", ")}${more}`
}

function captionExtensions({ groups }: DatasetConfig): readonly string[] {
  return [...new Set(groups.flatMap(({ subsets }) => subsets.map(({ captionExtension }) => captionExtension)))]
}

function foldersOf({ groups }: DatasetConfig, entries: readonly Entry[]): readonly FolderCaptions[] {
  return groups.flatMap(({ subsets }) =>
    subsets.map((subset) => ({
      rules: subset.captions,
      pairs: entries.filter((entry) => entry.subset === subset).map(({ pair }) => pair),
    })),
  )
}

/** The notice about captions of which only the first tokens are read. The tokenizer is read if one may be that long. */
async function captionNotices(
  entries: readonly Entry[],
  chunks: number,
  isWeighted: boolean,
): Promise<readonly string[]> {
  const captions = entries.map(({ pair }) => ({ image: pair.image, caption: longestCaption(pair.text) }))
  const long = captions.filter(({ caption }) => 3 * caption.length > SURELY_SHORT)
  if (long.length === 0) return []
  const tokenizer = await readTokenizer()
  return cutCaptionNotices(
    long.filter(({ caption }) => isCutCaption(tokenizer, caption, chunks, isWeighted)).map(({ image }) => image),
    chunks,
  )
}
