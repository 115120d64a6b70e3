import { checkGiven } from "@lllite/core/names"
import { createComposedOps, type LinearWeight, type Ops } from "@lllite/core/ops"
import { createStream } from "@lllite/core/random"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { createWebgpuOps } from "../webgpu-ops.ts"
import { apartFrom, at, entryOf, quarters, sum } from "./check-values.ts"
import { DEFAULT_TILES } from "./tiles.ts"

/** The greatest difference of a product in float32, in parts of the greatest value. */
const TOLERANCE = 1e-5

/** Rows, inputs and outputs: one shape that is read by four and has tails, and one that is read one by one. */
const SHAPES = [
  [37, 72, 44],
  [5, 33, 70],
] as const

/**
 * Compares products whose float16 weights stay in 16 bits with float64, forward and back, on the device in use. Some
 * drivers have float16 and compute it wrongly.
 *
 * @param ops what is compared. Default: this package's, on the device in use
 * @returns null if they are right, or else what is wrong
 * @throws WebgpuOpsError if the backend in use was not started by `startWebgpu`
 */
export async function checkHalf(ops: Ops = halfOps()): Promise<string | null> {
  checkGiven("float16: the ops", ops, "load", "createWebgpuOps")
  for (const shape of SHAPES) {
    const problem = await checkProduct(ops, shape)
    if (problem !== null) return problem
  }
  return null
}

function halfOps(): Ops {
  return createWebgpuOps(createComposedOps(), { weights: "F16", tiles: { ...DEFAULT_TILES, half: true } })
}

async function checkProduct(ops: Ops, [rows, inner, out]: readonly [number, number, number]): Promise<string | null> {
  const normal = (name: string, length: number): Float32Array => createStream(1, name).normal(length)
  const weight = quarters("weight", out * inner)
  const [x, dy] = [normal("x", rows * inner), normal("slope", rows * out)]
  const loaded = await ops.load.linear(entryOf(weight, [out, inner]), null)
  try {
    const { y, dx } = await run(ops, loaded, tf.tensor2d(x, [rows, inner]), tf.tensor2d(dy, [rows, out]))
    const value = (i: number): number =>
      sum(inner, (k) => at(x, Math.floor(i / out) * inner + k) * at(weight, (i % out) * inner + k))
    const slope = (i: number): number =>
      sum(out, (k) => at(dy, Math.floor(i / inner) * out + k) * at(weight, k * inner + (i % inner)))
    const apart = Math.max(apartFrom(y, value), apartFrom(dx, slope))
    return apart <= TOLERANCE
      ? null
      : `a product of ${rows}×${inner} and ${inner}×${out} with float16 weights is ${apart.toExponential(1)} apart from float64`
  } finally {
    loaded.dispose()
  }
}

/** The product and the slopes at x. It disposes x and dy. */
async function run(
  { linear }: Ops,
  weight: LinearWeight,
  x: Tensor,
  dy: Tensor,
): Promise<{ readonly y: Float32Array; readonly dx: Float32Array }> {
  const { value, grad } = tf.valueAndGrad((x: Tensor) => linear(x, weight))(x, dy)
  const [y, dx] = await Promise.all([value.data<"float32">(), grad.data<"float32">()])
  tf.dispose([x, dy, value, grad])
  return { y, dx }
}
