import type { Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { AttentionOptions, LinearWeight, Ops, QueryKeyValue } from "./ops.ts"

/** `Ops.selfAttention`, as one verb where the runtime has it. */
export function selfAttention(
  ops: Ops,
  xs: QueryKeyValue<Tensor3D>,
  layers: QueryKeyValue<LinearWeight>,
  options: AttentionOptions,
): Tensor3D {
  return (
    ops.selfAttention?.(xs, layers, options) ??
    tf.tidy(() => {
      const [q, k, v] = xs.map((x, i) => ops.linear(x, layers[i] as LinearWeight)) as [Tensor3D, Tensor3D, Tensor3D]
      return ops.attention(q, k, v, options)
    })
  )
}
