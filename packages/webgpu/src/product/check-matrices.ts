import { createComposedOps, type Ops } from "@lllite/core/ops"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkAttention } from "../attention/check-attention.ts"
import { openGpu } from "../gpu.ts"
import { createWebgpuOps } from "../webgpu-ops.ts"
import { apartFrom, at, entryOf, quarters, sum } from "./check-values.ts"

/**
 * The greatest difference, in parts of the greatest value. All factors are float16, so that only sums in float32 may round.
 */
const TOLERANCE = 1e-5

/**
 * Rows, inputs and outputs. The first shapes take large, medium and small tiles on matrices of 16×16×16. The others have
 * tails, a sum in parts, values that are read one by one, and one row.
 */
const SHAPES = [
  [1024, 64, 1024],
  [512, 64, 512],
  [77, 40, 70],
  [70, 1032, 44],
  [5, 33, 70],
  [1, 64, 128],
] as const

/** Values that are compared of a product. */
const COMPARED = 2048

/**
 * Compares products, a convolution and attention on subgroup matrices with float64, on the device in use. Some drivers have
 * matrices and compute them wrongly. All factors of products are float16, so that they have no error but that of the sums.
 *
 * @param ops what is compared. Default: this package's with the precision F16, on the device in use
 * @returns null if they are right, or else what is wrong
 * @throws WebgpuOpsError if the backend in use was not started by `startWebgpu`
 */
export async function checkMatrices(ops?: Ops): Promise<string | null> {
  if (openGpu().features.matrices === null) return "the driver has no subgroup matrices that kernels can use"
  const compared = ops ?? createWebgpuOps(createComposedOps(), { weights: "F16", precision: "F16" })
  for (const shape of SHAPES) {
    const problem = await checkProduct(compared, shape)
    if (problem !== null) return problem
  }
  return (await checkConvolution(compared)) ?? checkAttention(compared)
}

async function checkProduct(ops: Ops, [rows, inner, out]: readonly [number, number, number]): Promise<string | null> {
  const [x, weight] = [quarters("x", rows * inner), quarters("weight", out * inner)]
  const loaded = await ops.load.linear(entryOf(weight, [out, inner]), null)
  try {
    const y = await valuesOf([rows, inner], x, (x) => ops.linear(x, loaded))
    // Prime, so that all rows and columns of tiles are met.
    const every = rows * out > COMPARED ? 509 : 1
    const some = y.filter((_, i) => i % every === 0)
    const apart = apartFrom(some, (i) =>
      sum(inner, (k) => at(x, Math.floor((i * every) / out) * inner + k) * at(weight, ((i * every) % out) * inner + k)),
    )
    return problemOf(`a product of ${rows}×${inner} and ${inner}×${out}`, apart)
  } finally {
    loaded.dispose()
  }
}

/** A picture with a height and a width that no tile divides. */
const [HEIGHT, WIDTH, CHANNELS, FILTERS] = [17, 23, 8, 12]

async function checkConvolution(ops: Ops): Promise<string | null> {
  const x = quarters("picture", HEIGHT * WIDTH * CHANNELS)
  const [filters, bias] = [quarters("filters", FILTERS * CHANNELS * 9), quarters("bias", FILTERS)]
  const loaded = await ops.load.conv2d(entryOf(filters, [FILTERS, CHANNELS, 3, 3]), entryOf(bias, [FILTERS]))
  try {
    const y = await valuesOf([1, HEIGHT, WIDTH, CHANNELS], x, (x) =>
      ops.conv2d(x as tf.Tensor4D, loaded, { stride: 1, padding: [1, 1, 1, 1] }),
    )
    const apart = apartFrom(y, (i) => {
      const [pixel, filter] = [Math.floor(i / FILTERS), i % FILTERS]
      const terms = sum(CHANNELS * 9, (k) => {
        const [channel, tap] = [Math.floor(k / 9), k % 9]
        const row = Math.floor(pixel / WIDTH) + Math.floor(tap / 3) - 1
        const column = (pixel % WIDTH) + (tap % 3) - 1
        const isInside = row >= 0 && row < HEIGHT && column >= 0 && column < WIDTH
        return isInside
          ? at(x, (row * WIDTH + column) * CHANNELS + channel) * at(filters, filter * CHANNELS * 9 + k)
          : 0
      })
      return at(bias, filter) + terms
    })
    return problemOf(`a convolution of ${HEIGHT}×${WIDTH} with ${FILTERS} filters`, apart)
  } finally {
    loaded.dispose()
  }
}

async function valuesOf(shape: number[], values: Float32Array, run: (x: Tensor) => Tensor): Promise<Float32Array> {
  const y = tf.tidy(() => run(tf.tensor(values, shape)))
  const read = await y.data<"float32">()
  y.dispose()
  return read
}

function problemOf(what: string, apart: number): string | null {
  return apart <= TOLERANCE ? null : `${what} on subgroup matrices is ${apart.toExponential(1)} apart from float64`
}
