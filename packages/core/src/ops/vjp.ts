import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkGiven } from "../argument.ts"

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
  checkDifferentiated(inputs, forward)
  const op = tf.customGrad((...args) => {
    const save = args[args.length - 1] as unknown as (tensors: readonly Tensor[]) => void
    const made = forward()
    checkGiven(
      "gradient: what the forward pass gives",
      made,
      "value",
      "a differentiable op, as value, saved and gradients,",
    )
    const { value, saved, gradients } = made
    save(saved)
    return {
      value,
      // Without this tidy, tfjs frees nothing of a backward pass before its end.
      gradFunc: (dy: Tensor, kept: Tensor[]) => tf.tidy(() => gradients(dy as T, kept as unknown as S)),
    }
  })
  return op(...inputs) as T
}

function checkDifferentiated(inputs: readonly Tensor[], forward: unknown): void {
  checkArgument("gradient: the inputs", inputs, "a list")
  for (const input of inputs) checkArgument("gradient: an input", input, "a tensor")
  checkArgument("gradient: the forward pass", forward, "a function")
}

/** As {@link Differentiable}, with several values. */
export interface DifferentiableSeveral<T extends Tensor, S extends readonly Tensor[]> {
  readonly values: readonly T[]
  readonly saved: S
  /** One gradient for each input, from one for each value. That of a value that nothing reads is zeros. */
  readonly gradients: (dys: readonly T[], saved: S) => Tensor[]
}

/** The engine's method behind `tf.customGrad`. It takes several values, which `tf.customGrad` refuses. */
interface KernelRunner {
  runKernelFunc(call: {
    readonly forwardFunc: (backend: unknown, save: (tensors: readonly Tensor[]) => void) => Tensor[]
    readonly backwardsFunc: (dys: Tensor | Tensor[], saved: Tensor[]) => Readonly<Record<string, () => Tensor>>
    readonly inputs: Readonly<Record<string, Tensor>>
  }): Tensor[]
}

/** As {@link vjp}, with several values, which are new tensors. */
export function vjpSeveral<T extends Tensor, const S extends readonly Tensor[]>(
  inputs: readonly Tensor[],
  forward: () => DifferentiableSeveral<T, S>,
): readonly T[] {
  checkDifferentiated(inputs, forward)
  let made: DifferentiableSeveral<T, S> | null = null
  const engine = tf.engine() as unknown as KernelRunner
  return engine.runKernelFunc({
    inputs: Object.fromEntries(inputs.entries()),
    forwardFunc: (_, save) => {
      made = forward()
      checkGiven(
        "gradient: what the forward pass gives",
        made,
        "values",
        "a differentiable op, as values, saved and gradients,",
      )
      save(made.saved)
      return [...made.values]
    },
    backwardsFunc: (dys, saved) => {
      // The engine gives the slope of a single value without a list.
      const list = (Array.isArray(dys) ? dys : [dys]) as T[]
      const slopes = tf.tidy(() => made?.gradients(list, saved as unknown as S) ?? [])
      return Object.fromEntries(slopes.map((slope, i) => [i, () => slope]))
    },
  }) as T[]
}
