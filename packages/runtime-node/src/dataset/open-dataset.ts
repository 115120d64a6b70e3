import type { ResizeKernel } from "@lllite/core/image"
import type { Sized, TrainDataset } from "@lllite/core/training"
import { InputError } from "../errors.ts"
import { readImage } from "../images/read-image.ts"
import type { DatasetConfig } from "./dataset-config.ts"
import type { Fit } from "./fit-pair.ts"
import { createFitter, fitPair } from "./fit-pair.ts"
import type { Pair } from "./pairs.ts"
import { listPairs } from "./pairs.ts"

/** Pairs of pictures in folders, ready to train with. */
export interface FolderDataset extends TrainDataset {
  readonly batchSize: number
  /** The size of every example, by which batches are made. */
  readonly sizes: readonly Sized[]
  /** Pictures in the folders; `count` counts repeats too. */
  readonly pictures: number
  /** Things that are allowed but may be mistakes, one sentence each. */
  readonly notices: readonly string[]
}

interface Entry {
  readonly pair: Pair
  readonly fit: Fit
  readonly kernel: ResizeKernel | null
}

/** How many problems are written out. */
const SHOWN_PROBLEMS = 20

/**
 * Examines all folders of a data set. Pictures are decoded on demand.
 *
 * @throws InputError with all problems, by file: missing and extra controls, broken pictures, empty captions
 */
export async function openDataset(config: DatasetConfig): Promise<FolderDataset> {
  const entries: Entry[] = []
  const problems: string[] = []
  const withoutCaption: string[] = []
  let pictures = 0
  for (const group of config.groups) {
    const fitter = createFitter(group)
    for (const subset of group.subsets) {
      const listing = await listPairs(subset)
      problems.push(...listing.problems)
      withoutCaption.push(...listing.withoutCaption)
      pictures += listing.pairs.length
      for (const pair of listing.pairs) {
        const entry = { pair, fit: fitter([pair.size.width, pair.size.height]), kernel: subset.kernel }
        for (let repeat = 0; repeat < subset.repeats; repeat++) entries.push(entry)
      }
    }
  }
  if (problems.length > 0) {
    const listed = problems.map((text) => ({ where: "data set", text }))
    throw new InputError("dataset-files", describeProblems(problems), { problems: listed })
  }
  return {
    count: entries.length,
    pictures,
    batchSize: config.batchSize,
    sizes: entries.map(({ fit }) => ({ width: fit.cropped[0], height: fit.cropped[1] })),
    notices: [...config.notices, ...captionNotices(withoutCaption, config)],
    example: async (index) => {
      const entry = entries[index]
      if (entry === undefined)
        throw new InputError("dataset-index", `data set: there is no example ${index} of ${entries.length}`)
      const { pair, fit, kernel } = entry
      const fitted = fitPair(await readImage(pair.image), await readImage(pair.control), fit, kernel)
      return { name: pair.image, ...fitted, caption: pair.caption, size: fit.condition }
    },
  }
}

/** Optimiser steps in one epoch: a size's last batch may be short. Source: sd-scripts `BucketManager`. */
export function stepsPerEpoch(sizes: readonly Sized[], batchSize: number): number {
  const counts = new Map<string, number>()
  for (const { width, height } of sizes) {
    const key = `${width}x${height}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return [...counts.values()].reduce((steps, count) => steps + Math.ceil(count / batchSize), 0)
}

function describeProblems(problems: readonly string[]): string {
  const [only] = problems
  if (problems.length === 1) return `the data set has a problem: ${only}`
  const shown = problems.slice(0, SHOWN_PROBLEMS).map((problem) => `\n  - ${problem}`)
  const more = problems.length > SHOWN_PROBLEMS ? `\n  - and ${problems.length - SHOWN_PROBLEMS} more` : ""
  return `the data set has ${problems.length} problems:${shown.join("")}${more}`
}

function captionNotices(withoutCaption: readonly string[], config: DatasetConfig): readonly string[] {
  const [first] = withoutCaption
  if (first === undefined) return []
  const endings = [...new Set(config.groups.flatMap(({ subsets }) => subsets.map((subset) => subset.captionExtension)))]
  return [
    `${withoutCaption.length} pictures have no caption file (extension ${endings.join(" or ")}). Training uses an empty ` +
      `caption for them. The first is "${first}". To change the extension, set caption_extension.`,
  ]
}
