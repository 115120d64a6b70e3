import type { FolderDataset, TextCacheOptions, TextEncoders } from "@lllite/runtime-node"
import { changingOptions, InputError, openDataset, readTextEncoders, vaeFingerprint } from "@lllite/runtime-node"
import type { Reporter } from "../terminal/progress.ts"
import type { TrainSettings } from "./settings.ts"
import type { TrainingSetReader, TrainingSetSettings } from "./training-set.ts"
import { trainingSetConfig } from "./training-set.ts"

/** Which files of caches are kept, and what they depend on beside the pictures. */
export type CacheSettings = Pick<
  TrainSettings,
  | "cacheLatentsToDisk"
  | "cacheTextEncoderOutputsToDisk"
  | "captionChunks"
  | "compat"
  | "model"
  | "runtime"
  | "skipCacheCheck"
  | "weightedCaptions"
>

/** The part of an option reader that is needed here. */
interface PartReader {
  examine<T>(keys: readonly ("pretrainedModelNameOrPath" | "vae")[], work: () => Promise<T>): Promise<T | null>
}

/** What files of caches depend on of the checkpoint. Null: these are not kept. */
export interface CachedParts {
  /** The fingerprint of the VAE. */
  readonly vae: string | null
  readonly encoders: TextEncoders | null
}

/** Reads what files of caches depend on of the checkpoint. @param isWhole whether all of its files can be used */
export async function examineCachedParts(
  { examine }: PartReader,
  { cacheLatentsToDisk, cacheTextEncoderOutputsToDisk, model }: CacheSettings,
  isWhole: boolean,
  signal: AbortSignal,
): Promise<CachedParts> {
  const vae =
    !isWhole || !cacheLatentsToDisk
      ? null
      : await examine(["pretrainedModelNameOrPath", "vae"], () => vaeFingerprint(model, signal))
  const encoders =
    !isWhole || !cacheTextEncoderOutputsToDisk
      ? null
      : await examine(["pretrainedModelNameOrPath"], () => readTextEncoders(model, signal))
  return { vae, encoders }
}

/**
 * @throws InputError when one text of each caption is to be kept, and captions change. Source: sd-scripts'
 * `is_text_encoder_output_cacheable`. Its LLLite trainer keeps the captions of the files, and says nothing.
 */
export function checkCachedCaptions(
  settings: Pick<TrainSettings, "cacheTextEncoderOutputs" | "cacheTextEncoderOutputsToDisk">,
  dataset: FolderDataset | null,
): void {
  const { cacheTextEncoderOutputs: inMemory, cacheTextEncoderOutputsToDisk: onDisk } = settings
  if ((!inMemory && !onDisk) || dataset === null || dataset.changingCaptions === 0) return
  const names = [...new Set(dataset.captionRules.flatMap(changingOptions))].join(", ")
  throw new InputError(
    "dataset-options",
    `${inMemory ? "cache_text_encoder_outputs" : "cache_text_encoder_outputs_to_disk"} keeps one text of each caption, and ${names} makes captions differ from step to step. Leave out one of the two.`,
  )
}

/** Milliseconds between two reports about the files of a data set. */
const REPORT_EVERY = 500

/** Opens the data set that options of `train` name, with its files of caches. @throws as `openDataset` */
export async function openTrainingSet(
  settings: CacheSettings & Omit<TrainingSetSettings, "compat">,
  by: TrainingSetReader,
  { vae, encoders }: CachedParts,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<FolderDataset> {
  const config = await trainingSetConfig(settings, by)
  let reported = performance.now()
  return openDataset(config, {
    signal,
    ...(vae === null ? {} : { latentCache: { vae, skipCheck: settings.skipCacheCheck } }),
    ...(encoders === null ? {} : { textCache: textCacheOf(settings, encoders) }),
    captionChunks: settings.captionChunks,
    weightedCaptions: settings.weightedCaptions,
    onProgress: ({ phase, done, count }) => {
      // A small data set takes less time than one report.
      if (performance.now() - reported < REPORT_EVERY) return
      reported = performance.now()
      reporter.progress(phase === "list" ? "list pairs" : "check pictures", done, count)
    },
  })
}

function textCacheOf({ runtime, compat, skipCacheCheck }: CacheSettings, encoders: TextEncoders): TextCacheOptions {
  const { precision = "F32", weights } = runtime
  return {
    encoders,
    ...(compat === undefined ? {} : { compat }),
    computation: `${precision} products${weights === undefined ? "" : `, ${weights} weights`}`,
    skipCheck: skipCacheCheck,
  }
}
