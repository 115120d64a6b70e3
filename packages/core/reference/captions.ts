import { createPythonRandom } from "../src/random/python.ts"
import { captionOfText } from "../src/training/captions/caption-file.ts"
import { processCaption } from "../src/training/captions/process-caption.ts"
import type { CaptionRules } from "../src/training/captions/rules.ts"
import { type CaseResult, compareAsJson } from "./case.ts"

/** captions.json */
export interface CaptionsReference {
  readonly captionsIn: readonly string[]
  readonly groups: readonly {
    readonly config: string
    readonly options: Readonly<Record<string, string | number | boolean>>
    readonly seed: number
    readonly epoch: number
    readonly step: number
    readonly maxTrainSteps: number
    readonly captions: readonly string[]
    readonly nextRandom: number
  }[]
  readonly shuffleBuckets: {
    readonly bucketSizes: readonly number[]
    readonly batchSize: number
    readonly epochs: readonly {
      readonly epoch: number
      readonly seed: number
      /** A bucket and the number of a batch in it. */
      readonly batches: readonly (readonly [bucket: number, batch: number])[]
      readonly buckets: readonly (readonly string[])[]
    }[]
  }
  readonly readCaption: {
    readonly files: readonly {
      readonly image: string
      readonly content: string
      readonly plain: string
      readonly wildcard: string
    }[]
  }
}

/** Each option of sd-scripts, by its name here. */
const RULES: Readonly<Record<string, keyof CaptionRules>> = {
  shuffle_caption: "shuffle",
  caption_separator: "separator",
  keep_tokens: "keepTokens",
  keep_tokens_separator: "keepTokensSeparator",
  secondary_separator: "secondarySeparator",
  enable_wildcard: "wildcard",
  caption_dropout_rate: "dropoutRate",
  caption_dropout_every_n_epochs: "dropoutEveryNEpochs",
  caption_tag_dropout_rate: "tagDropoutRate",
  caption_prefix: "prefix",
  caption_suffix: "suffix",
  token_warmup_min: "warmupMin",
  token_warmup_step: "warmupSteps",
}

/** Captions under every rule with the number of draws, the order of an epoch's batches, and caption files. */
export function runCaptions({
  captionsIn,
  groups,
  shuffleBuckets,
  readCaption,
}: CaptionsReference): readonly CaseResult[] {
  const results: CaseResult[] = []
  for (const { config, options, seed, captions, nextRandom, epoch, step, maxTrainSteps } of groups) {
    const entries = Object.entries(options).map(([name, value]) => [RULES[name] ?? name, value])
    const rules: CaptionRules = { ...Object.fromEntries(entries), compat: "sd-scripts" }
    const random = createPythonRandom(seed)
    const moment = { epoch, step, steps: maxTrainSteps }
    const ours = captionsIn.map((caption) => processCaption(caption, rules, random, moment))
    results.push(
      ...ours.map((caption, i) => compareAsJson(`captions/${config}.${seed}.${i}`, caption, captions[i] ?? null)),
      compareAsJson(`captions/${config}.${seed}.draws`, random.random(), nextRandom),
    )
  }
  results.push(...shuffled(shuffleBuckets))
  for (const { image, content, plain, wildcard } of readCaption.files) {
    // A byte-order mark in a caption is a mistake of the reference.
    const [ours, theirs] = [
      [captionOfText(content), captionOfText(content, true)],
      [plain, wildcard],
    ]
    results.push(
      compareAsJson(
        `captions/file.${image}`,
        ours,
        theirs.map((text) => text.replace(/^\ufeff/, "")),
      ),
    )
  }
  return results
}

/**
 * sd-scripts' order of batches, made of Python's draws. An order goes on from that of the epoch before. Training here
 * has its own order, which needs no epoch before.
 */
function shuffled({ bucketSizes, batchSize, epochs }: CaptionsReference["shuffleBuckets"]): readonly CaseResult[] {
  let buckets: readonly (readonly string[])[] = bucketSizes.map((size, bucket) =>
    Array.from({ length: size }, (_, i) => `b${bucket}/${i}`),
  )
  let batches: readonly (readonly [number, number])[] = bucketSizes.flatMap((size, bucket) =>
    Array.from({ length: Math.ceil(size / batchSize) }, (_, batch) => [bucket, batch] as const),
  )
  return epochs.flatMap(({ epoch, seed, batches: theirs, buckets: theirBuckets }) => {
    const random = createPythonRandom(seed + epoch)
    batches = random.shuffled(batches)
    buckets = buckets.map((bucket) => random.shuffled(bucket))
    return [
      compareAsJson(`captions/epoch.${epoch}.batches`, batches, theirs),
      compareAsJson(`captions/epoch.${epoch}.buckets`, buckets, theirBuckets),
    ]
  })
}
