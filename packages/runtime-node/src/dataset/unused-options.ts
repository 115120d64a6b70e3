import type { Problem } from "../options/problems.ts"
import type { OptionReader } from "../options/read.ts"
import { DATASET_OPTIONS } from "./dataset-options.ts"

/** The options of buckets that a data set has. */
export interface BucketOptions {
  readonly isUsed: boolean
  /** Each option with the table that has it, and a sentence that says that it has no effect. */
  readonly options: readonly Problem[]
}

/** Options that only buckets use, with their defaults. A value that is the default asks for nothing. */
const DEFAULTS = {
  minBucketReso: DATASET_OPTIONS.min_bucket_reso.fallback,
  maxBucketReso: DATASET_OPTIONS.max_bucket_reso.fallback,
  bucketResoSteps: DATASET_OPTIONS.bucket_reso_steps.fallback,
  bucketNoUpscale: DATASET_OPTIONS.bucket_no_upscale.fallback,
} as const
const NAMES = ["minBucketReso", "maxBucketReso", "bucketResoSteps", "bucketNoUpscale"] as const

export function bucketOptionsOf({
  settings,
  nameOf,
  whereOf,
}: Pick<OptionReader<typeof DATASET_OPTIONS>, "settings" | "nameOf" | "whereOf">): BucketOptions {
  const options = NAMES.flatMap((name) => {
    const where = whereOf(name)
    if (where === null || settings[name] === DEFAULTS[name]) return []
    return [{ where, text: `${nameOf(name)} has no effect: ${nameOf("enableBucket")} is not set.` }]
  })
  return { isUsed: settings.enableBucket, options }
}

/** The options of buckets that no data set uses. A table's options may serve several data sets. */
export function unusedBucketOptions(groups: readonly BucketOptions[]): readonly Problem[] {
  const used = new Set(groups.flatMap(({ isUsed, options }) => (isUsed ? options.map(({ where }) => where) : [])))
  return groups.flatMap(({ isUsed, options }) => (isUsed ? [] : options.filter(({ where }) => !used.has(where))))
}

/** One notice for every sentence: its first table, the sentence, and the number of tables if several have it. */
export function describeUnused(unused: readonly Problem[]): readonly string[] {
  const tables = new Map<string, Set<string>>()
  for (const { where, text } of unused) tables.set(text, (tables.get(text) ?? new Set()).add(where))
  return [...tables].map(([text, places]) => {
    const [first] = places
    return `${first}: ${text}${places.size > 1 ? ` This holds for ${places.size} tables.` : ""}`
  })
}
