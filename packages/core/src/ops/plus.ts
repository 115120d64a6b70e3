import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Conv2dOptions, Conv2dWeight, LinearWeight, Ops } from "./ops.ts"

/** `Ops.linear` plus a tensor of the result's shape, as one verb where the runtime has it. */
export function linearPlus(ops: Ops, x: Tensor, weight: LinearWeight, plus: Tensor): Tensor {
  return ops.linearPlus?.(x, weight, plus) ?? tf.tidy(() => tf.add(plus, ops.linear(x, weight)))
}

/** `Ops.conv2d` plus a tensor of the result's shape, as one verb where the runtime has it. */
export function conv2dPlus(
  ops: Ops,
  x: Tensor4D,
  weight: Conv2dWeight,
  options: Conv2dOptions,
  plus: Tensor4D,
): Tensor4D {
  return (
    ops.conv2dPlus?.(x, weight, options, plus) ?? tf.tidy(() => tf.add<Tensor4D>(plus, ops.conv2d(x, weight, options)))
  )
}
