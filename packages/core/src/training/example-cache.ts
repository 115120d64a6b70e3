import { checkArgument } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { checkSdxl } from "../models/given.ts"
import type { Sdxl } from "../models/sdxl.ts"
import type { StopOptions } from "../models/steps.ts"
import { checkRanges } from "../number-range.ts"
import type { CachedExample, TrainDataset, TrainExample } from "./dataset.ts"
import type { EncodeOptions } from "./example-row.ts"
import { completeExample, createRowEncoder, rowOf } from "./example-row.ts"
import { checkOriginals, originalOf } from "./originals.ts"

export interface CacheProgress {
  readonly done: number
  readonly count: number
}

export interface ExampleCacheOptions extends EncodeOptions {
  /** Whether controls are encoded, too, for an LLLite that reads their latents. Default: false */
  readonly controlLatents?: boolean
}

export interface CacheOptions extends ExampleCacheOptions {
  readonly signal?: AbortSignal
}

/**
 * Computes the cached example of an example, which has an index in the data set.
 *
 * @throws the signal's reason when aborted, between two blocks of the encoder
 */
export type CacheExample = (example: TrainExample, index: number, stop?: StopOptions) => Promise<CachedExample>

/**
 * Runs the VAE and the text encoders over examples, so that training needs neither. A repeated caption is encoded once.
 *
 * @throws CoreError (from the function) if picture and control differ in size, or a side is not a multiple of 32
 */
export function createExampleCache(sdxl: Sdxl, options: ExampleCacheOptions): CacheExample {
  checkSdxl("training", sdxl, "vae")
  checkArgument("training: the options", options, "an object")
  const { controlLatents = false, ...encoding } = options
  const encode = createRowEncoder(sdxl, encoding)
  const asked = controlLatents ? { controlLatents: null } : {}
  return async (example, index, stop = {}) =>
    completeExample(await encode({ ...rowOf(example, index), ...asked }, stop))
}

/**
 * Caches a whole data set. It checks every example, before the first step.
 *
 * @returns a generator that yields its progress and returns the cached examples
 * @throws CoreError for an empty data set, and for the examples that {@link createExampleCache} refuses
 */
export async function* cacheDataset(
  sdxl: Sdxl,
  dataset: TrainDataset,
  options: CacheOptions,
): AsyncGenerator<CacheProgress, CachedExample[], void> {
  checkSdxl("training", sdxl, "vae")
  checkArgument("training: the data set", dataset, "an object")
  checkRanges("training: the data set", { count: dataset.count ?? null }, { count: { integer: true, min: 0 } })
  checkArgument("training: example of the data set", dataset.example, "a function")
  checkArgument("training: the options", options, "an object")
  const { signal, ...caching } = options
  if (signal !== undefined) checkArgument("training: signal", signal, "an AbortSignal")
  if (dataset.count < 1)
    throw new CoreError("dataset-empty", "training: the data set is empty. Give it at least one pair of pictures.")
  const cache = createExampleCache(sdxl, caching)
  const cached: CachedExample[] = []
  checkOriginals(dataset)
  for (let index = 0; index < dataset.count; index++) {
    signal?.throwIfAborted()
    const same = cached[originalOf(dataset, index)]
    cached[index] = same ?? (await cache(await dataset.example(index), index, signal === undefined ? {} : { signal }))
    yield { done: index + 1, count: dataset.count }
  }
  sdxl.ops.trim?.()
  return cached
}
