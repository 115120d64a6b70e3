import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { expect } from "vitest"
import type { WeightEntry } from "../weight-entry.ts"

/*
 * Values and gradients of PyTorch 2.13 in float64, to six digits. Inputs, weights and the gradient at the result are
 * waves, so that no two elements are alike. Pictures are not square, and have their channels last.
 */

/** sin(1.7 i + phase) over the elements in their order. */
export function wave(shape: readonly number[], phase: number, factor = 1): Float32Array {
  const size = shape.reduce((product, side) => product * side, 1)
  return Float32Array.from({ length: size }, (_, i) => factor * Math.sin(1.7 * i + phase))
}

/** A weight of a file. */
export function entry(name: string, shape: readonly number[], values: Float32Array): WeightEntry {
  return { name, dtype: "F32", shape, read: async () => new Uint8Array(values.slice().buffer) }
}

export type Numbers = readonly number[]
export type Input = readonly [shape: readonly number[], values: Float32Array]

/** Compares an op's value, and its gradient at each input, with those of PyTorch. It must leave no tensor behind. */
export async function expectNumbers(
  run: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Input[],
  [wanted, ...slopes]: readonly Numbers[],
): Promise<void> {
  const before = tf.memory().numTensors
  const tensors = inputs.map(([shape, values]) => tf.tensor(values.slice(), [...shape]))
  const value = tf.tidy(() => run(...tensors))
  const dy = tf.tensor(wave(value.shape, 0.5), value.shape)
  const gradients = tf.tidy(() => tf.grads((...args: Tensor[]) => run(...args))(tensors, dy))
  expectClose(await value.data(), wanted as Numbers)
  expect(gradients).toHaveLength(slopes.length)
  for (const [i, gradient] of gradients.entries()) {
    expect(gradient.shape).toEqual(inputs[i]?.[0])
    expectClose(await gradient.data(), slopes[i] as Numbers)
  }
  tf.dispose([value, dy, ...gradients, ...tensors])
  expect(tf.memory().numTensors).toBe(before)
}

function expectClose(got: ArrayLike<number>, wanted: Numbers): void {
  expect(got).toHaveLength(wanted.length)
  const most = Math.max(1, ...wanted.map(Math.abs))
  for (const [i, value] of wanted.entries()) {
    expect(Math.abs((got[i] as number) - value) / most, `element ${i} is ${got[i]}, expected ${value}`).toBeLessThan(
      1e-5,
    )
  }
}

/** The kernels that some work runs. */
export async function kernelsOf(work: () => Tensor | Tensor[]): Promise<readonly string[]> {
  const { kernels } = await tf.profile(() => tf.tidy(work))
  return kernels.map(({ name }) => name).filter((name) => !/__op$|scope/.test(name))
}

/** Computes a gradient, and keeps nothing of it. */
export function makeGradient(run: (x: Tensor) => Tensor, x: Tensor): void {
  tf.tidy(() => void tf.grad(run)(x))
}
