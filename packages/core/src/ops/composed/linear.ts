import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../../errors.ts"
import type { DenseOptions, LinearWeight } from "../ops.ts"
import { vjp } from "../vjp.ts"
import type { ComposedLinear } from "./weights.ts"

/** Affine map of the last axis. x: [..., in] → [..., out] */
export function linear(x: Tensor, weight: LinearWeight): Tensor {
  const { matrix, transposed, bias } = weight as ComposedLinear
  const [inner, out] = matrix.shape
  expectWidth("linear", x, inner)
  return vjp([x], () => ({
    value: tf.reshape(affine(rows(x), matrix, bias), [...x.shape.slice(0, -1), out]),
    saved: [],
    gradients: (dy) => [tf.reshape(tf.matMul(rows(dy), transposed()), x.shape)],
  }))
}

/** Affine map with weights that train. x: [..., in], weight: [in, out], bias: [out] or none → [..., out] */
export function dense(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  { inputGradient }: DenseOptions = { inputGradient: true },
): Tensor {
  const [inner, out] = weight.shape as [number, number]
  expectWidth("dense", x, inner)
  const inputs = [inputGradient ? x : null, weight, bias].filter((tensor) => tensor !== null)
  return vjp(inputs, () => ({
    value: tf.reshape(affine(rows(x), weight as Tensor2D, bias), [...x.shape.slice(0, -1), out]),
    saved: [x, weight],
    gradients: (dy, [x, weight]) => {
      const incoming = rows(dy)
      const gradients: Tensor[] = []
      if (inputGradient) gradients.push(tf.reshape(tf.matMul(incoming, tf.transpose(weight as Tensor2D)), x.shape))
      gradients.push(tf.matMul(tf.transpose(rows(x)), incoming))
      if (bias !== null) {
        const ones = tf.ones<tf.Rank.R2>([1, incoming.shape[0]])
        gradients.push(tf.reshape(tf.matMul(ones, incoming), [out]))
      }
      return gradients
    },
  }))
}

function affine(x: Tensor2D, matrix: Tensor2D, bias: Tensor | null): Tensor2D {
  return bias === null ? tf.matMul(x, matrix) : (tf.fused.matMul({ a: x, b: matrix, bias }) as Tensor2D)
}

function rows(x: Tensor): Tensor2D {
  return tf.reshape(x, [-1, x.shape[x.rank - 1] ?? 1])
}

function expectWidth(op: string, x: Tensor, width: number): void {
  if (x.shape[x.rank - 1] === width) return
  throw new CoreError("shape", `${op}: x is [${x.shape.join(", ")}], expected a last axis of ${width}`)
}
