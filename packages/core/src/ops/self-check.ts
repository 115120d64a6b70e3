import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkGiven } from "../argument.ts"
import type { Ops } from "./ops.ts"
import type { WeightEntry } from "./weight-entry.ts"

/*
 * A picture of 2x2 pixels and two channels goes through a 3x3 convolution, SiLU and a linear layer. Then comes the
 * gradient of the sum of the result. The expected values were computed in float64 from the formulas, the gradient by
 * differences.
 */
const INPUT = [0.5, -1, 2, 0.25, -0.75, 1.5, 0, 1]
const FILTER = Float32Array.from({ length: 36 }, (_, i) => (((7 * i) % 11) - 5) / 8)
const VALUE = [0.2167627, -1.5569378, 0.225379, -1.5301793, 0.0030867, -0.512347, 0.1321992, -1.5899356]
const GRADIENT = [-0.2380956, 0.6951993, 0.2911234, -0.286866, 0.0644004, 0.2911234, -0.2563917, 0.1684331]

/**
 * Computes a small network and its gradient on the backend in use, and compares both with known values.
 *
 * @param tolerance the largest difference. 1e-4 is enough for float32. Products of TF32 numbers are ten times less
 * exact. Default: 1e-4
 * @throws Error that names the wrong value and its difference
 */
export async function selfCheck(ops: Ops, tolerance = 1e-4): Promise<void> {
  checkGiven("self-check: the ops", ops, "load", "createComposedOps")
  checkArgument("self-check: the tolerance", tolerance, "a finite number")
  const filter = await ops.load.conv2d(entry([2, 2, 3, 3], FILTER), entry([2], [0.25, -0.5]))
  const linear = await ops.load.linear(entry([2, 2], [1, -0.5, 0.25, 2]), entry([2], [0.125, -1]))
  const run = (x: Tensor4D): tf.Tensor => {
    const hidden = ops.conv2d(x, filter, { stride: 1, padding: [1, 1, 1, 1] })
    return ops.linear(ops.silu(hidden), linear)
  }
  const x = tf.tensor4d(INPUT, [1, 2, 2, 2])
  const [value, gradient] = tf.tidy(() => [run(x), tf.grad((x: tf.Tensor) => tf.sum(run(x as Tensor4D)))(x)] as const)
  try {
    expectClose("a computation", await value.data(), VALUE, tolerance)
    expectClose("a gradient", await gradient.data(), GRADIENT, tolerance)
  } finally {
    tf.dispose([x, value, gradient])
    filter.dispose()
    linear.dispose()
  }
}

function expectClose(what: string, got: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  const apart = Math.max(...expected.map((value, i) => Math.abs((got[i] ?? Number.NaN) - value)))
  // The condition is not "apart > …", because NaN is wrong, too.
  if (got.length === expected.length && apart <= tolerance) return
  throw new Error(
    `${what} is wrong by ${apart.toPrecision(2)}, expected at most ${tolerance}. Use another backend or driver.`,
  )
}

function entry(shape: readonly number[], values: ArrayLike<number>): WeightEntry {
  const bytes = new Uint8Array(Float32Array.from(values).buffer)
  return { name: "self-check", dtype: "F32", shape, read: async () => bytes.slice() }
}
