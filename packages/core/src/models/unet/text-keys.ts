import type { Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { linearEach } from "../../ops/joined-verbs.ts"
import type { Ops } from "../../ops/ops.ts"
import type { Tap } from "../taps.ts"
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

/**
 * The keys and values of a text at several cross-attentions, in as few calls as the runtime makes of them. The scope
 * around frees them. Null where the runtime gains nothing by it, and where a tap acts.
 */
export function textKeysTogether(
  { ops, tap, context }: { readonly ops: Ops; readonly tap: Tap; readonly context: Tensor3D },
  attentions: readonly AttentionParams[],
): ReadonlyMap<AttentionParams, TextKeys> | null {
  const placed = attentions.flatMap(({ k, v }) => [k, v])
  if (ops.linearEach === undefined || placed.some(({ layer }) => tap.has(layer))) return null
  const weights = placed.map(({ weight }) => weight)
  const made = linearEach(ops, context, weights) as readonly Tensor3D[]
  return new Map(
    attentions.map((attention, i) => [
      attention,
      { keys: made[2 * i] as Tensor3D, values: made[2 * i + 1] as Tensor3D },
    ]),
  )
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
