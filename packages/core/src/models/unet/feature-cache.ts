import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument } from "../../argument.ts"
import { checkRanges } from "../../number-range.ts"
import { DEEP_CACHE_DEPTH, type DeepCache } from "./deep-cache.ts"
import type { Shrink } from "./deep-shrink.ts"

/** The deep features that a network keeps between its passes. */
export interface FeatureCache {
  /** The input blocks that run in every pass. */
  readonly depth: number
  /**
   * Begins a pass over latents. [N, H, W, C]
   *
   * @returns the kept features, which the cache disposes. Null: the pass is full
   */
  begin(latents: Tensor4D, shrink: Shrink | null): Tensor4D | null
  /** Takes the features of a full pass. They belong to the cache. */
  keep(features: Tensor4D): void
  dispose(): void
}

/** Creates an empty cache for one network. */
export function createFeatureCache(cache: DeepCache): FeatureCache {
  checkArgument("deepCache", cache, "an object")
  const { interval, depth = DEEP_CACHE_DEPTH } = cache
  checkRanges(
    "deepCache",
    { interval, depth },
    { interval: { integer: true, min: 1 }, depth: { integer: true, min: 1 } },
  )
  let kept: Tensor4D | null = null
  let sizes = ""
  /** Passes since the last full one. */
  let age = 0
  const clear = (): void => {
    kept?.dispose()
    kept = null
  }
  return {
    depth,
    begin({ shape }, shrink) {
      const now = JSON.stringify([shape, shrink])
      age += 1
      if (kept !== null && now === sizes && age < interval) return kept
      clear()
      sizes = now
      age = 0
      return null
    },
    keep(features) {
      clear()
      kept = features
    },
    dispose: clear,
  }
}

/** The stages that a pass with kept features leaves out: from `first`, before `end`. The output of the last is kept. */
export interface SkippedStages {
  readonly first: number
  readonly end: number
}

/**
 * @param inputs the number of input blocks, which have as many output blocks
 * @param depth the number of input blocks that run
 */
export function skippedStages(inputs: number, depth: number): SkippedStages {
  const first = Math.min(depth, inputs)
  return { first, end: 2 * inputs + 1 - first }
}

/** A copy of a tensor that outlives the scope around. It shares the values. */
export function outliving(x: Tensor4D): Tensor4D {
  return tf.keep(tf.clone(x))
}
