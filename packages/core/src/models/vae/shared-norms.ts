import * as tf from "@tensorflow/tfjs-core"
import type { NormWeight, Ops } from "../../ops/ops.ts"
import { type FixedNorm, momentsOf, normOf } from "./norm-statistics.ts"

/** Norms of one run of an autoencoder, for other runs. */
export interface SharedNorms {
  /** The ops of the run that fixes the statistics. Each norm runs once in it. */
  readonly measuring: Ops
  /** The ops of the other runs. */
  readonly fixed: Ops
  dispose(): void
}

/**
 * Norms that share their statistics. A tile's own statistics would give it colours of its own, because a group norm
 * takes the mean and the deviation of all that it sees.
 */
export function shareNorms(ops: Ops): SharedNorms {
  const norms = new Map<NormWeight, FixedNorm>()
  return {
    measuring: {
      ...ops,
      groupNorm(x, weight, options) {
        norms.get(weight)?.dispose()
        const moments = momentsOf(x)
        norms.set(weight, normOf(ops, [moments], weight))
        tf.dispose([moments.mean, moments.variance])
        return ops.groupNorm(x, weight, options)
      },
    },
    fixed: {
      ...ops,
      groupNorm(x, weight, options) {
        const norm = norms.get(weight)
        if (norm === undefined) return ops.groupNorm(x, weight, options)
        return tf.tidy(() => (options.silu ? norm.apply(x) : norm.plain(x)))
      },
    },
    dispose() {
      for (const norm of norms.values()) norm.dispose()
      norms.clear()
    },
  }
}
