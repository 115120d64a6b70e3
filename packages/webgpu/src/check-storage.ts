import { createComposedOps, type Ops } from "@lllite/core/ops"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { openGpu } from "./gpu.ts"
import { apartFrom, at, entryOf, quarters, sum } from "./product/check-values.ts"
import { createStorage } from "./storage.ts"
import { createWebgpuOps } from "./webgpu-ops.ts"

/** The greatest difference, in parts of the greatest value. A float16 is rounded by at most 2^-11. */
const TOLERANCE = 1e-3

/** Rows, inputs and outputs: one shape that is read and written by four, and one one by one. */
const SHAPES = [
  [37, 72, 44],
  [5, 33, 71],
] as const

/**
 * Compares a product whose input and result are stored in float16 with float64, on the device in use. The inputs are
 * float16, so that only the results are rounded. Some drivers have float16 and compute it wrongly.
 *
 * @param ops what is compared. Default: this package's, on the device in use
 * @returns null if they are right, or else what is wrong
 * @throws WebgpuOpsError if the backend in use was not started by `startWebgpu`
 */
export async function checkStorage(ops?: Ops): Promise<string | null> {
  const gpu = openGpu()
  if (!gpu.features.float16) return "the driver has no float16"
  const compared = ops ?? { ...createWebgpuOps(createComposedOps()), ...createStorage(gpu) }
  for (const [rows, inner, out] of SHAPES) {
    const [x, weight] = [quarters("x", rows * inner), quarters("weight", out * inner)]
    const apart = apartFrom(await product(compared, x, weight, [rows, inner, out]), (i) =>
      sum(inner, (k) => at(x, Math.floor(i / out) * inner + k) * at(weight, (i % out) * inner + k)),
    )
    if (apart <= TOLERANCE) continue
    return `a product of ${rows}×${inner} and ${inner}×${out} that is stored in float16 is ${apart.toExponential(1)} apart from float64`
  }
  return null
}

async function product(
  ops: Ops,
  x: Float32Array,
  weight: Float32Array,
  [rows, inner, out]: readonly [number, number, number],
): Promise<Float32Array> {
  const loaded = await ops.load.linear(entryOf(weight, [out, inner]), null)
  try {
    const y = tf.tidy((): Tensor => {
      const input = tf.tensor2d(x, [rows, inner])
      const result = ops.linear(ops.narrow?.(input) ?? input, loaded)
      return ops.widen?.(result) ?? result
    })
    const values = await y.data<"float32">()
    y.dispose()
    return values
  } finally {
    loaded.dispose()
  }
}
