import { setImmediate } from "node:timers/promises"
import {
  checkArgument,
  checkOptions,
  listText,
  type OptionKinds,
  type Remark,
  remarkKinds,
  remarkNotices,
} from "@lllite/core/names"
import { longestCaption } from "@lllite/core/training"
import { readTokenizer } from "../checkpoint.ts"
import { augmentationNotices, withoutUsedAlpha } from "../dataset/augmentation-notices.ts"
import type { DatasetConfig } from "../dataset/dataset-config.ts"
import type { Entry } from "../dataset/entry.ts"
import { entryOf } from "../dataset/entry.ts"
import type { PairFiles } from "../dataset/file-problems.ts"
import type { Fit } from "../dataset/fit-pair.ts"
import { createFitter } from "../dataset/fit-pair.ts"
import { mapInParallel } from "../dataset/in-parallel.ts"
import { checkExamples } from "../dataset/open-dataset.ts"
import type { PairListing, WatchOptions } from "../dataset/pair-listing.ts"
import { joinRemarks, listPairs } from "../dataset/pairs.ts"
import { InputError } from "../errors.ts"
import type { BucketRow, FittedPicture } from "./bucket-table.ts"
import { bucketTable, cropShare, upscale } from "./bucket-table.ts"
import type { CaptionLengths } from "./caption-lengths.ts"
import { captionLengths } from "./caption-lengths.ts"
import type { Finding, SubsetPlace } from "./findings.ts"
import { findingOf } from "./findings.ts"
import { alikeGroups } from "./likeness.ts"
import { readControlFacts, readImageFacts } from "./picture-facts.ts"
import type { PairFacts } from "./picture-findings.ts"
import { duplicateFindings, emptyFindings, sizeFindings, toneFindings, traitFindings } from "./picture-findings.ts"

/** A folder of pictures in a report. */
export interface SubsetReport extends SubsetPlace {
  readonly imageDir: string
  readonly controlDir: string
  /** Pairs that can be trained. */
  readonly pairs: number
  readonly repeats: number
}

/** A pair for a sheet: its files, how it is fitted, and what was found. */
export interface ReportedPair extends PairFiles {
  /** Null: it cannot be fitted. */
  readonly fit: Fit | null
  /** The kinds of its findings, problems first. */
  readonly kinds: readonly string[]
}

/** What a check of a data set found. */
export interface DatasetReport {
  /** Whether `openDataset` takes it. */
  readonly canTrain: boolean
  readonly subsets: readonly SubsetReport[]
  /** Pairs that can be trained, without and with repeats. */
  readonly pairs: number
  readonly examples: number
  /** The most pairs in a batch of any data set. */
  readonly batchSize: number
  readonly stepsPerEpoch: number
  /** Sizes of the pictures in pixels, the most frequent first. */
  readonly sizes: readonly { readonly width: number; readonly height: number; readonly pictures: number }[]
  readonly buckets: readonly BucketRow[]
  readonly captions: CaptionLengths & {
    /** Pictures without a caption file or without text in their entry, and with an empty one. */
    readonly missing: number
    readonly empty: number
  }
  /** Problems first, then warnings, then notes. */
  readonly findings: readonly Finding[]
}

/** Progress of {@link reportDataset}: headers and captions are read, then pictures are decoded. */
export interface ReportProgress {
  readonly phase: "list" | "check"
  readonly done: number
  readonly count: number
}

/** Options of {@link reportDataset}. */
export interface ReportOptions {
  /** Stops the work between two files. */
  readonly signal?: AbortSignal
  /** Whether training reads weights in captions. Default: false. */
  readonly weightedCaptions?: boolean
  readonly onProgress?: (progress: ReportProgress) => void
}

const KINDS: OptionKinds<ReportOptions> = {
  signal: "an AbortSignal",
  weightedCaptions: "true or false",
  onProgress: "a function",
}

/** @throws InputError for archives: a report decodes and compares all pictures */
function refuseShards({ groups }: DatasetConfig): void {
  const shards = groups.flatMap(({ subsets }) => subsets).find((subset) => subset.shards !== undefined)?.shards
  if (shards === undefined) return
  throw new InputError(
    "dataset-options",
    `a report compares pictures in folders, and "${shards.pattern}" names archives. Unpack one of them into two folders, and examine these.`,
  )
}

/** A listed pair with its place. `entry` is null for one that has a problem already. */
interface Listed {
  readonly files: PairFiles
  readonly entry: Entry | null
  readonly place: SubsetPlace
}

/**
 * Examines a data set without training: what `openDataset` refuses, and what it takes and may be a mistake. Every
 * picture is decoded once, several at a time. A few hundred bytes are kept of each.
 *
 * @returns the report, and the pairs for `pairSheet`
 * @throws the signal's reason when aborted; InputError when no picture can be read because sharp is missing
 */
export async function reportDataset(
  config: DatasetConfig,
  options: ReportOptions = {},
): Promise<{ readonly report: DatasetReport; readonly pairs: readonly ReportedPair[] }> {
  checkArgument("reportDataset: the data set", config, "an object")
  checkArgument("reportDataset: the data set's groups", config.groups, "a list")
  checkOptions("reportDataset", options, KINDS)
  const { signal, weightedCaptions = false, onProgress } = options
  refuseShards(config)
  const pause = async (): Promise<void> => {
    await setImmediate()
    signal?.throwIfAborted()
  }
  const watch = (phase: ReportProgress["phase"]): WatchOptions => ({
    ...(signal === undefined ? {} : { signal }),
    onProgress: (done, count) => onProgress?.({ phase, done, count }),
  })
  const findings: Finding[] = config.notices.map((text) => ({ kind: "option", level: "note", text, files: [] }))
  const listed: Listed[] = []
  const subsets: SubsetReport[] = []
  const listings: PairListing[] = []
  let examples = 0
  for (const [dataset, group] of config.groups.entries()) {
    const fitter = fitterOf(() => createFitter(group), { dataset, subset: 0 }, findings)
    for (const [subset, options] of group.subsets.entries()) {
      const place = { dataset, subset }
      const listing = await listPairs(options, watch("list"))
      const { pairs, problems } = listing
      listings.push(listing)
      findings.push(...problems.map(({ kind, text, path }) => problemOf(kind, text, path, place)))
      reportTooMany(() => checkExamples(examples, pairs.length, options), place, findings)
      examples += pairs.length * options.repeats
      for (const pair of pairs) {
        const entry = attempt(
          pair,
          () => (fitter === null ? null : entryOf(pair, listed.length, options, fitter, group)),
          place,
          findings,
        )
        listed.push({ files: pair, entry, place })
      }
      const refused = new Map(problems.flatMap(({ pair }) => (pair === undefined ? [] : [[pair.image, pair]])))
      for (const files of refused.values()) listed.push({ files, entry: null, place })
      const { imageDir, controlDir, repeats } = options
      subsets.push({ ...place, imageDir, controlDir, repeats, pairs: pairs.length })
    }
  }
  const remarks = joinRemarks(listings)
  const facts = await readFacts(listed, findings, watch("check"))
  const isUsable = (index: number): boolean =>
    listed[index]?.entry != null && facts[index]?.image != null && facts[index]?.control != null
  const usable = listed.filter((_, index) => isUsable(index))
  const entries = usable.flatMap(({ entry }) => entry ?? [])
  const fitted = entries.map(
    ({ pair, subset, batchSize, fit }): FittedPicture => ({
      path: pair.image,
      repeats: subset.repeats,
      batchSize,
      fit,
    }),
  )
  const captioned = entries.map(({ pair }) => ({ image: pair.image, caption: longestCaption(pair.text) }))
  const lengths = await captionLengths(captioned, await readTokenizer(), weightedCaptions, pause)
  // Pictures of one colour have a finding of their own.
  const images = facts.flatMap(({ image }, index) =>
    image === null || image.isPlain ? [] : [{ index, likeness: image.likeness }],
  )
  const alike = await alikeGroups(
    images.map(({ likeness }) => likeness),
    pause,
  )
  const decoded = facts.flatMap(({ image, control }) => [image ?? [], control ?? []].flat())
  const empty = findings.filter(({ kind }) => kind === "caption").length
  findings.push(
    ...remarkFindings(remarks, config),
    ...captionFindings(lengths),
    ...emptyFindings(facts),
    ...toneFindings(facts),
    ...duplicateFindings(
      facts,
      alike.map((group) => group.map((at) => images[at]?.index ?? 0)),
    ),
    ...sizeFindings(facts),
    ...fitFindings(fitted),
    ...traitFindings(withoutUsedAlpha(entries, decoded)),
    ...augmentationNotices(config, entries, decoded).map(
      (text): Finding => ({ kind: "augmentation", level: "note", text, files: [] }),
    ),
  )
  const buckets = bucketTable(fitted)
  findings.push(...batchFindings(buckets))
  const ordered = LEVELS.flatMap((level) => findings.filter((finding) => finding.level === level))
  const report: DatasetReport = {
    canTrain: ordered[0]?.level !== "problem",
    subsets: subsets.map((each) => ({
      ...each,
      pairs: usable.filter(({ place }) => place.dataset === each.dataset && place.subset === each.subset).length,
    })),
    pairs: usable.length,
    examples: buckets.reduce((sum, { examples }) => sum + examples, 0),
    batchSize: config.batchSize,
    // As `batchesPerEpoch`: the last batch of a size may be short.
    stepsPerEpoch: buckets.reduce((sum, { examples, batchSize }) => sum + Math.ceil(examples / batchSize), 0),
    sizes: sizeCounts(facts),
    buckets,
    captions: { ...lengths, missing: remarks.filter(({ kind }) => NO_CAPTION.includes(kind)).length, empty },
    findings: ordered,
  }
  return { report, pairs: reportedPairs(listed, ordered) }
}

const LEVELS = ["problem", "warning", "note"] as const

function problemOf(kind: string, text: string, path: string, place: SubsetPlace): Finding {
  return { kind, level: "problem", text, files: [path], place }
}

/** Adds the problem of an epoch that is too long. */
function reportTooMany(check: () => void, place: SubsetPlace, findings: Finding[]): void {
  try {
    check()
  } catch (error) {
    findings.push({ kind: "option", level: "problem", text: messageOf(error), files: [], place })
  }
}

type Fitter = ReturnType<typeof createFitter>

/** The rule of a group. Null if its options contradict each other, which is a problem. */
function fitterOf(make: () => Fitter, place: SubsetPlace, findings: Finding[]): Fitter | null {
  try {
    return make()
  } catch (error) {
    findings.push({ kind: "option", level: "problem", text: messageOf(error), files: [], place })
    return null
  }
}

/** A fitted pair. Null if it cannot be fitted, which is a problem. */
function attempt(
  { image }: PairFiles,
  work: () => Entry | null,
  place: SubsetPlace,
  findings: Finding[],
): Entry | null {
  try {
    return work()
  } catch (error) {
    findings.push(problemOf("picture-size", `"${image}" cannot be fitted. ${messageOf(error)}`, image, place))
    return null
  }
}

/** Decodes the pictures of all pairs. What cannot be decoded is a problem, unless its header is one already. */
async function readFacts(
  listed: readonly Listed[],
  findings: Finding[],
  { signal, onProgress }: WatchOptions,
): Promise<readonly PairFacts[]> {
  const known = new Set(findings.flatMap(({ kind, files }) => (kind === "picture" ? files : [])))
  let done = 0
  const found = await mapInParallel(listed, async ({ files, place }) => {
    const problems: Finding[] = []
    const read = async <T>(path: string, work: (path: string) => Promise<T>): Promise<T | null> => {
      signal?.throwIfAborted()
      if (known.has(path)) return null
      try {
        return await work(path)
      } catch (error) {
        if (error instanceof InputError && error.code === "sharp-missing") throw error
        problems.push(problemOf("picture", messageOf(error), path, place))
        return null
      }
    }
    const facts: PairFacts = {
      image: await read(files.image, readImageFacts),
      control: await read(files.control, readControlFacts),
    }
    onProgress?.(++done, listed.length)
    return { facts, problems }
  })
  // Several pairs may have one control.
  for (const problem of found.flatMap(({ problems }) => problems)) {
    if (problem.files.every((file) => known.has(file))) continue
    for (const file of problem.files) known.add(file)
    findings.push(problem)
  }
  return found.map(({ facts }) => facts)
}

/** Remarks about pictures without a caption. */
const NO_CAPTION: readonly Remark["kind"][] = ["no-caption", "empty-entry"]

/** Remarks that are rarely mistakes. */
const MERE_NOTES: readonly Remark["kind"][] = ["unused-control", "doubled-control", "inner-folder", "unread-resolution"]

function remarkFindings(remarks: readonly Remark[], { groups }: DatasetConfig): readonly Finding[] {
  const extensions = groups.flatMap(({ subsets }) => subsets.map(({ captionExtension }) => captionExtension))
  return remarkKinds().flatMap((kind) => {
    const own = remarks.filter((remark) => remark.kind === kind)
    const level = MERE_NOTES.includes(kind) ? "note" : "warning"
    const files = own.map(({ path }) => path)
    return remarkNotices(own, [...new Set(extensions)]).map((text) => ({ kind, level, text, files }) as const)
  })
}

/** Captions that are cut, by the smallest number of tokens that is enough for them. */
function captionFindings({ cut }: CaptionLengths): readonly Finding[] {
  return cut.flatMap(({ tokens, images }, at) => {
    const longer = new Set(cut[at + 1]?.images ?? [])
    const own = images.filter((image) => !longer.has(image))
    const next = cut[at + 1]?.tokens
    return findingOf(`caption-over-${tokens}`, "warning", own, "captions", (subject, isOne) => {
      const what = isOne ? `The caption of ${subject} is` : `${subject} are`
      const advice =
        next === undefined
          ? "Shorten it."
          : `With max_token_length ${next}, ${isOne ? "it is" : "they are"} read whole.`
      return `${what} longer than ${tokens} tokens. The rest is not read. ${advice}`
    })
  })
}

/** A picture that is enlarged by more than this is soft. */
const SOFT = 1.25
/** A picture of which more than this share is cut off may lose what its caption names. */
const HARSH_CROP = 0.2

function fitFindings(fitted: readonly FittedPicture[]): readonly Finding[] {
  const soft = fitted.filter(({ fit }) => upscale(fit) > SOFT)
  const most = soft.reduce((factor, { fit }) => Math.max(factor, upscale(fit)), 1)
  const cropped = fitted.filter(({ fit }) => cropShare(fit) > HARSH_CROP)
  return [
    ...findingOf("upscaled", "warning", pathsOf(soft), "pictures", (subject, isOne) => {
      const factor = `${isOne ? "" : "up to "}${most.toFixed(1)} times`
      return `${subject} ${isOne ? "is" : "are"} enlarged, ${factor}. Enlarged pictures are soft, and so is what is learnt of them. Lower the resolution, or set bucket_no_upscale.`
    }),
    ...findingOf("cropped", "warning", pathsOf(cropped), "pictures", (subject, isOne) => {
      return `${subject} ${isOne ? "loses" : "lose"} more than ${100 * HARSH_CROP} % at ${isOne ? "its" : "their"} edges. Set enable_bucket, or widen min_bucket_reso and max_bucket_reso.`
    }),
  ]
}

function pathsOf(fitted: readonly FittedPicture[]): readonly string[] {
  return fitted.map(({ path }) => path)
}

/** Sizes that never fill a batch make steps of fewer pictures. */
function batchFindings(buckets: readonly BucketRow[]): readonly Finding[] {
  const small = buckets.filter(({ examples, batchSize }) => examples < batchSize)
  if (small.length === 0 || buckets.length === 1) return []
  const batches = listText([...new Set(small.map(({ batchSize }) => batchSize))], "or")
  const text = `Sizes with fewer pictures than a batch of ${batches}: ${small.length} of ${buckets.length}. Their steps are smaller.`
  return [{ kind: "small-bucket", level: "note", text, files: [] }]
}

function sizeCounts(facts: readonly PairFacts[]): DatasetReport["sizes"] {
  const counts = new Map<string, { width: number; height: number; pictures: number }>()
  for (const { image } of facts) {
    if (image === null) continue
    const { width, height } = image
    const count = counts.get(`${width}x${height}`)
    if (count === undefined) counts.set(`${width}x${height}`, { width, height, pictures: 1 })
    else count.pictures += 1
  }
  return [...counts.values()].toSorted(
    (a, b) => b.pictures - a.pictures || b.width * b.height - a.width * a.height || b.width - a.width,
  )
}

/** All pairs with the kinds of what was found about their files. */
function reportedPairs(listed: readonly Listed[], findings: readonly Finding[]): readonly ReportedPair[] {
  const kinds = new Map<string, string[]>()
  for (const { kind, level, files } of findings) {
    if (level === "note") continue
    for (const file of files) kinds.set(file, [...(kinds.get(file) ?? []), kind])
  }
  return listed.map(({ files: { image, control }, entry }) => ({
    ...{ image, control, fit: entry?.fit ?? null },
    kinds: [...(kinds.get(image) ?? []), ...(kinds.get(control) ?? [])],
  }))
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
