import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"

/** The value of an op, what its backward pass needs, and how it takes a gradient at the value to the inputs. */
export interface Differentiable<T extends Tensor, S extends readonly Tensor[]> {
  readonly value: T
  /** Tensors of the forward pass, inputs too, that `gradients` reads; nothing else of it is alive then. */
  readonly saved: S
  /** One gradient for each input, in the inputs' order. */
  readonly gradients: (dy: T, saved: S) => Tensor[]
}

/**
 * An op with a hand-written vector-Jacobian product: one node on tfjs's tape, whatever it does inside. Without a tape
 * it is just its value, and nothing is saved.
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
      // tfjs frees nothing of a backward pass before its end unless it is tidied here.
      gradFunc: (dy: Tensor, kept: Tensor[]) => tf.tidy(() => gradients(dy as T, kept as unknown as S)),
    }
  })
  return op(...inputs) as T
}
