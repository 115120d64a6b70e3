import type { Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { AttentionParams } from "./params.ts"

/** Keys and values of one text at one cross-attention. [N, T, C] each */
export interface TextKeys {
  readonly keys: Tensor3D
  readonly values: Tensor3D
}

/**
 * The keys and values of one text at all cross-attentions of a U-Net. They depend on nothing else, so that all passes of
 * a run share them.
 */
export interface TextKeyCache {
  /**
   * The keys and values at an attention, which stay the cache's.
   *
   * @param compute makes them at the first call
   */
  at(attention: AttentionParams, compute: () => TextKeys): TextKeys
  dispose(): void
}

/** Creates an empty cache for one text. The caller disposes it. */
export function createTextKeyCache(): TextKeyCache {
  const kept = new Map<AttentionParams, TextKeys>()
  return {
    at(attention, compute) {
      const found = kept.get(attention)
      if (found !== undefined) return found
      const made = compute()
      // They outlive the scope of a block.
      tf.keep(made.keys)
      tf.keep(made.values)
      kept.set(attention, made)
      return made
    },
    dispose() {
      for (const { keys, values } of kept.values()) tf.dispose([keys, values])
      kept.clear()
    },
  }
}
