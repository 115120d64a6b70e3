import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../errors.ts"
import { checkCall } from "./checked-verbs.ts"
import type {
  AttentionOptions,
  Conv2dOptions,
  Conv2dWeight,
  GroupNormOptions,
  LinearWeight,
  NormWeight,
  Ops,
  QueryKeyValue,
} from "./ops.ts"

/* Verbs that join others. A runtime without one gets the others, one after another. */

/** `Ops.narrow`, where the runtime has it. Then the result is a new tensor. */
export function narrow<T extends Tensor>(ops: Ops, x: T): T {
  return ops.narrow?.(x) ?? x
}

/** `Ops.widen`, where the runtime has it. Then the result is a new tensor. */
export function widen<T extends Tensor>(ops: Ops, x: T): T {
  return ops.widen?.(x) ?? x
}

/** A layer's output and what is added to it. @throws CoreError if they differ in shape */
function sum<T extends Tensor>(verb: string, y: T, plus: T): T {
  if (y.shape.length === plus.shape.length && y.shape.every((length, axis) => length === plus.shape[axis])) {
    return tf.add<T>(plus, y)
  }
  const [came, expected] = [plus, y].map(({ shape }) => shape.join(", "))
  throw new CoreError("shape", `${verb}: what is added is [${came}], expected [${expected}]`)
}

/** `Ops.linear` plus a tensor of the result's shape, as one verb where the runtime has it. */
export function linearPlus(ops: Ops, x: Tensor, weight: LinearWeight, plus: Tensor): Tensor {
  checkCall("linearPlus", ops, x, weight, plus)
  return ops.linearPlus?.(x, weight, plus) ?? tf.tidy(() => sum("linearPlus", ops.linear(x, weight), plus))
}

/** `Ops.linear` of several layers that read one x, as one verb where the runtime has it. */
export function linearEach(ops: Ops, x: Tensor, weights: readonly LinearWeight[]): readonly Tensor[] {
  checkCall("linearEach", ops, x, weights)
  return ops.linearEach?.(x, weights) ?? weights.map((weight) => ops.linear(x, weight))
}

/** GEGLU of `Ops.linear`, as one verb where the runtime has it. */
export function linearGeglu(ops: Ops, x: Tensor, weight: LinearWeight): Tensor {
  checkCall("linearGeglu", ops, x, weight)
  return ops.linearGeglu?.(x, weight) ?? tf.tidy(() => ops.geglu(ops.linear(x, weight)))
}

/** `Ops.conv2d` plus a tensor of the result's shape, as one verb where the runtime has it. */
export function conv2dPlus(
  ops: Ops,
  x: Tensor4D,
  weight: Conv2dWeight,
  options: Conv2dOptions,
  plus: Tensor4D,
): Tensor4D {
  checkCall("conv2dPlus", ops, x, weight, options, plus)
  return (
    ops.conv2dPlus?.(x, weight, options, plus) ?? tf.tidy(() => sum("conv2dPlus", ops.conv2d(x, weight, options), plus))
  )
}

/** `Ops.conv2d` plus a value for each sample and channel, as one verb where the runtime has it. shift: [N, Cout] */
export function conv2dShift(
  ops: Ops,
  x: Tensor4D,
  weight: Conv2dWeight,
  options: Conv2dOptions,
  shift: Tensor2D,
): Tensor4D {
  checkCall("conv2dShift", ops, x, weight, options, shift)
  return (
    ops.conv2dShift?.(x, weight, options, shift) ??
    tf.tidy(() => {
      const y = ops.conv2d(x, weight, options)
      return tf.add<Tensor4D>(y, tf.reshape(shift, [-1, 1, 1, y.shape[3]]))
    })
  )
}

/** `Ops.groupNorm` of x, and x for its other readers, as one verb where the runtime has it. */
export function groupNormBeside(
  ops: Ops,
  x: Tensor4D,
  weight: NormWeight,
  options: GroupNormOptions,
): readonly [normed: Tensor4D, x: Tensor4D] {
  checkCall("groupNormBeside", ops, x, weight, options)
  return ops.groupNormBeside?.(x, weight, options) ?? [ops.groupNorm(x, weight, options), x]
}

/** `Ops.layerNorm` of x, and x for its other readers, as one verb where the runtime has it. */
export function layerNormBeside(
  ops: Ops,
  x: Tensor,
  weight: NormWeight,
  epsilon: number,
): readonly [normed: Tensor, x: Tensor] {
  checkCall("layerNormBeside", ops, x, weight, epsilon)
  return ops.layerNormBeside?.(x, weight, epsilon) ?? [ops.layerNorm(x, weight, epsilon), x]
}

/** `Ops.selfAttention`, as one verb where the runtime has it. */
export function selfAttention(
  ops: Ops,
  xs: QueryKeyValue<Tensor3D>,
  layers: QueryKeyValue<LinearWeight>,
  options: AttentionOptions,
): Tensor3D {
  checkCall("selfAttention", ops, xs, layers, options)
  return (
    ops.selfAttention?.(xs, layers, options) ??
    tf.tidy(() => {
      const [q, k, v] = xs.map((x, i) => ops.linear(x, layers[i] as LinearWeight)) as [Tensor3D, Tensor3D, Tensor3D]
      return ops.attention(q, k, v, options)
    })
  )
}
