import type { Seed } from "@lllite/core/names"
import type { Size } from "@lllite/core/training"
import type { Problem } from "../options/problems.ts"
import { bucketStepProblem, resolutionProblem } from "./dataset-options.ts"
import type { DatasetReader, Subset, SubsetConfig } from "./subset-config.ts"
import type { OptionUse } from "./unused-options.ts"
import { bucketOptionsOf, roundedSides } from "./unused-options.ts"

/** Options for sorting pictures of any shape into sizes. */
export interface BucketConfig {
  readonly minSize: number
  readonly maxSize: number
  readonly step: number
  readonly noUpscale: boolean
}

/** Pairs that are held out of a training. */
export interface HoldOut {
  /** The share of the pairs, above 0 and below 1. */
  readonly share: number
  /** What chooses them. Null: the seed of the training. */
  readonly seed: Seed | null
}

/** Folders whose pictures are fitted by the same options. */
export interface DatasetGroup {
  /** The most pairs in a batch. */
  readonly batchSize: number
  /** Width and height in pixels, multiples of 32. */
  readonly resolution: Size
  /** Null: every picture is cropped to the resolution. */
  readonly buckets: BucketConfig | null
  /** Null: all pairs train. */
  readonly holdOut: HoldOut | null
  readonly subsets: readonly SubsetConfig[]
}

/** Folders that are read together, and what their options say. */
export interface Group {
  readonly group: DatasetGroup
  /** Options that are not followed as they are. */
  readonly remarks: readonly Problem[]
  /** What its options and those of its folders belong to. */
  readonly uses: readonly OptionUse[]
}

/** A group without the folders that are shown no time. Source: sd-scripts, which ignores them with a warning. */
export function usedOf(group: DatasetGroup): DatasetGroup {
  return { ...group, subsets: group.subsets.filter(({ repeats }) => repeats > 0) }
}

/** A sentence for each folder that {@link usedOf} leaves out. */
export function leftOut({ subsets }: DatasetGroup): readonly string[] {
  return subsets
    .filter(({ repeats }) => repeats === 0)
    .map(({ imageDir }) => `"${imageDir}" is left out: its num_repeats is 0.`)
}

/**
 * Folders whose pictures are fitted by the same options. Adds what is wrong with them together to `problems`.
 *
 * @param where names the options' table in problems
 */
export function readGroup(
  reader: DatasetReader,
  where: string,
  subsets: readonly Subset[],
  problems: Problem[],
): Group {
  const folders = subsets.map(({ subset }) => subset.imageDir)
  const twice = folders.find((folder, i) => folder !== "" && folders.indexOf(folder) !== i)
  if (twice !== undefined) {
    const name = subsets.some(({ subset }) => subset.shards?.pattern === twice) ? "shards" : "image_dir"
    const text = `${name} "${twice}" appears twice. To show it more often, use num_repeats.`
    problems.push({ where, text })
  }
  const { settings, nameOf } = reader
  const { resolution = [0, 0], enableBucket, bucketResoSteps } = settings
  reader.check(["resolution", "enableBucket"], () => resolutionProblem(settings.resolution, enableBucket, nameOf))
  reader.check(["bucketResoSteps", "enableBucket"], () => bucketStepProblem(bucketResoSteps, enableBucket, nameOf))
  const buckets: BucketConfig = {
    step: bucketResoSteps,
    minSize: settings.minBucketReso,
    maxSize: settings.maxBucketReso,
    noUpscale: settings.bucketNoUpscale,
  }
  const { batchSize, validationSplit: share, validationSeed = null } = settings
  return {
    group: {
      ...{ batchSize, resolution, buckets: enableBucket ? buckets : null },
      holdOut: share === undefined ? null : { share, seed: validationSeed },
      subsets: subsets.map(({ subset }) => subset),
    },
    remarks: roundedSides(reader),
    uses: [...bucketOptionsOf(reader), ...subsets.flatMap(({ uses }) => uses)],
  }
}
