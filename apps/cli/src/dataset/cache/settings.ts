import type { CacheRunOptions } from "@lllite/runtime-node"
import type { OptionReader } from "@lllite/runtime-node/options"
import { runtimeChoice, sdxlPaths } from "../../model/runtime-options.ts"
import type { CacheSettings } from "../../train/cached-set.ts"
import type { TrainSettings } from "../../train/settings.ts"
import { readCaptionChunks, readDataset } from "../../train/settings.ts"
import type { TrainingSetSettings } from "../../train/training-set.ts"
import type { CACHE_OPTIONS } from "./options.ts"

export type CacheReader = OptionReader<typeof CACHE_OPTIONS>

/** The checked settings of `dataset cache`. */
export interface DatasetCacheSettings
  extends CacheSettings,
    Omit<TrainingSetSettings, "compat">,
    Pick<TrainSettings, "seed" | "vaeSlices"> {
  /** Whether the caches were chosen. Otherwise all are made that can be. */
  readonly isChosen: boolean
  /** Options that have no effect here, one sentence each. */
  readonly notices: readonly string[]
}

/** Derives the settings of `dataset cache`. The reader keeps the problems. */
export function readCacheSettings(reader: CacheReader): DatasetCacheSettings {
  const { settings } = reader
  const { cacheLatentsToDisk, cacheTextEncoderOutputsToDisk } = settings
  const isChosen = cacheLatentsToDisk || cacheTextEncoderOutputsToDisk
  return {
    ...settings,
    isChosen,
    cacheLatentsToDisk: cacheLatentsToDisk || !isChosen,
    cacheTextEncoderOutputsToDisk: cacheTextEncoderOutputsToDisk || !isChosen,
    captionChunks: readCaptionChunks(reader),
    dataset: readDataset(reader),
    model: sdxlPaths(settings.pretrainedModelNameOrPath, settings),
    runtime: runtimeChoice(settings),
    notices: reader.notes,
  }
}

/** What the options ask of the encoders. */
export function encodingOptions({
  seed,
  captionChunks,
  weightedCaptions,
  vaeSlices,
}: DatasetCacheSettings): CacheRunOptions {
  return { seed, captionChunks, weightedCaptions, ...(vaeSlices === undefined ? {} : { vaeSlices }) }
}
