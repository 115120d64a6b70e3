import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"

/**
 * The value of an op, the tensors of its backward pass, and the function from a gradient at the value to the inputs'.
 */
export interface Differentiable<T extends Tensor, S extends readonly Tensor[]> {
  readonly value: T
  /** Tensors of the forward pass, inputs included, that `gradients` reads. All others are disposed by then. */
  readonly saved: S
  /** One gradient for each input, in the inputs' order. */
  readonly gradients: (dy: T, saved: S) => Tensor[]
}

/**
 * An op with a hand-written vector-Jacobian product. It is one node on tfjs's tape. Without a tape it computes its
 * value and saves nothing.
 */
export function vjp<T extends Tensor, const S extends readonly Tensor[]>(
  inputs: readonly Tensor[],
  forward: () => Differentiable<T, S>,
): T {
  const op = tf.customGrad((...args) => {
    const save = args[args.length - 1] as unknown as (tensors: readonly Tensor[]) => void
    const { value, saved, gradients } = forward()
    save(saved)
    return {
      value,
      // Without this tidy, tfjs frees nothing of a backward pass before its end.
      gradFunc: (dy: Tensor, kept: Tensor[]) => tf.tidy(() => gradients(dy as T, kept as unknown as S)),
    }
  })
  return op(...inputs) as T
}
