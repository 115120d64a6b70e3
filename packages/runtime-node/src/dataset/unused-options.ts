import { CAPTION_DEFAULTS } from "@lllite/core/names"
import type { Problem } from "../options/problems.ts"
import type { OptionReader } from "../options/read.ts"
import { DATASET_OPTIONS } from "./dataset-options.ts"

/** Options that belong to another one, which a data set or a folder may use. */
export interface OptionUse {
  readonly isUsed: boolean
  /** Each option with the table that has it, and a sentence that says that it has no effect. */
  readonly options: readonly Problem[]
}

type DatasetReader = Pick<OptionReader<typeof DATASET_OPTIONS>, "settings" | "nameOf" | "whereOf">

/** Options that only buckets use, with their defaults. A value that is the default asks for nothing. */
const BUCKET_DEFAULTS = {
  minBucketReso: DATASET_OPTIONS.min_bucket_reso.fallback,
  maxBucketReso: DATASET_OPTIONS.max_bucket_reso.fallback,
  bucketResoSteps: DATASET_OPTIONS.bucket_reso_steps.fallback,
  bucketNoUpscale: DATASET_OPTIONS.bucket_no_upscale.fallback,
} as const
const BUCKET_SIDES = ["minBucketReso", "maxBucketReso"] as const

/** The options of buckets that a data set has. */
export function bucketOptionsOf({ settings, nameOf, whereOf }: DatasetReader): readonly OptionUse[] {
  const { enableBucket: isOn, bucketNoUpscale } = settings
  const useOf = (names: readonly (keyof typeof BUCKET_DEFAULTS)[], isUsed: boolean): OptionUse => {
    const because = isOn ? `${nameOf("bucketNoUpscale")} is set` : `${nameOf("enableBucket")} is not set`
    const options = names.flatMap((name) => {
      const where = whereOf(name)
      if (where === null || settings[name] === BUCKET_DEFAULTS[name]) return []
      return [{ where, text: `${nameOf(name)} has no effect: ${because}.` }]
    })
    return { isUsed, options }
  }
  return [useOf(BUCKET_SIDES, isOn && !bucketNoUpscale), useOf(["bucketResoSteps", "bucketNoUpscale"], isOn)]
}

/** Sides of buckets that are not multiples of the step. Source: sd-scripts, which warns of them, too. */
export function roundedSides({ settings, nameOf, whereOf }: DatasetReader): readonly Problem[] {
  const { enableBucket, bucketNoUpscale, bucketResoSteps: step } = settings
  return BUCKET_SIDES.flatMap((name) => {
    const where = whereOf(name)
    const side = settings[name]
    const rounded = (name === "minBucketReso" ? Math.floor(side / step) : Math.ceil(side / step)) * step
    if (where === null || !enableBucket || bucketNoUpscale || rounded === side) return []
    const text = `${nameOf(name)} is ${side} and counts as ${rounded}, a multiple of the ${step} of ${nameOf("bucketResoSteps")}.`
    return [{ where, text }]
  })
}

/** The options of captions that a folder has, and that others need. */
export function captionOptionsOf({ settings, nameOf, whereOf }: DatasetReader): readonly OptionUse[] {
  const { shuffleCaption, captionTagDropoutRate, tokenWarmupStep, secondarySeparator } = settings
  const changesTags = shuffleCaption || captionTagDropoutRate > 0 || tokenWarmupStep > 0
  const useOf = (
    name: "keepTokens" | "captionSeparator" | "tokenWarmupMin" | "captionExtension",
    nothing: unknown,
    isUsed: boolean,
    needed: string,
  ): OptionUse => {
    const where = whereOf(name)
    const options =
      where === null || settings[name] === nothing ? [] : [{ where, text: `${nameOf(name)} has no effect: ${needed}.` }]
    return { isUsed, options }
  }
  const needed = `neither ${nameOf("shuffleCaption")}, ${nameOf("captionTagDropoutRate")} nor ${nameOf("tokenWarmupStep")} is set`
  return [
    useOf(
      "captionExtension",
      DATASET_OPTIONS.caption_extension.fallback,
      settings.metadataFile === undefined,
      `captions come from ${nameOf("metadataFile")}`,
    ),
    useOf("keepTokens", CAPTION_DEFAULTS.keepTokens, changesTags, needed),
    useOf(
      "captionSeparator",
      CAPTION_DEFAULTS.separator,
      changesTags ||
        [secondarySeparator, settings.keepTokensSeparator, settings.metadataFile].some((each) => each !== undefined),
      needed,
    ),
    useOf("tokenWarmupMin", CAPTION_DEFAULTS.warmupMin, tokenWarmupStep > 0, `${nameOf("tokenWarmupStep")} is not set`),
  ]
}

/** The options that no data set and no folder uses. A table's options may serve several of them. */
export function unusedOptions(uses: readonly OptionUse[]): readonly Problem[] {
  // A sentence begins with the option's name.
  const key = ({ where, text }: Problem): string => `${where} ${text.split(" ")[0]}`
  const used = new Set(uses.flatMap(({ isUsed, options }) => (isUsed ? options.map(key) : [])))
  return uses.flatMap(({ isUsed, options }) => (isUsed ? [] : options.filter((option) => !used.has(key(option)))))
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
