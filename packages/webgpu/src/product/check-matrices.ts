import { type Conv2dWeight, createComposedOps, type LinearWeight, type Ops } from "@lllite/core/ops"
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

/** The same of slopes, which are stored in float16. */
const STORED_TOLERANCE = 1e-3

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
 * Compares products, a convolution, their slopes, and attention on subgroup matrices with float64, on the device in use.
 * Some drivers have matrices and compute them wrongly. All factors of products are float16, so that they have no error but
 * that of the sums.
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
    const problem = problemOf(`a product of ${rows}×${inner} and ${inner}×${out}`, apart)
    return problem ?? (await checkSlopes(ops, loaded, weight, [rows, inner, out]))
  } finally {
    loaded.dispose()
  }
}

/** Compares the slopes at a product's input, where slopes at its result are float16. */
async function checkSlopes(
  ops: Ops,
  loaded: LinearWeight,
  weight: Float32Array,
  [rows, inner, out]: readonly [number, number, number],
): Promise<string | null> {
  const dy = quarters("slopes", rows * out)
  const run = throughHalf(ops, (x) => ops.linear(x, loaded))
  const dx = await valuesOf([rows, out], dy, (dy) => tf.grad(run)(tf.zeros([rows, inner]), dy))
  const every = rows * inner > COMPARED ? 61 : 1
  const apart = apartFrom(
    dx.filter((_, i) => i % every === 0),
    (i) =>
      sum(
        out,
        (k) => at(dy, Math.floor((i * every) / inner) * out + k) * at(weight, k * inner + ((i * every) % inner)),
      ),
  )
  return problemOf(`a product of ${rows}×${out} slopes and ${out}×${inner}`, apart, STORED_TOLERANCE)
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
    const problem = problemOf(`a convolution of ${HEIGHT}×${WIDTH} with ${FILTERS} filters`, apart)
    return problem ?? (await checkConvolutionSlopes(ops, loaded, filters))
  } finally {
    loaded.dispose()
  }
}

async function checkConvolutionSlopes(ops: Ops, loaded: Conv2dWeight, filters: Float32Array): Promise<string | null> {
  const dy = quarters("slopes", HEIGHT * WIDTH * FILTERS)
  const run = throughHalf(ops, (x) => ops.conv2d(x as tf.Tensor4D, loaded, { stride: 1, padding: [1, 1, 1, 1] }))
  const dx = await valuesOf([1, HEIGHT, WIDTH, FILTERS], dy, (dy) =>
    tf.grad(run)(tf.zeros([1, HEIGHT, WIDTH, CHANNELS]), dy),
  )
  const apart = apartFrom(dx, (i) => {
    const [pixel, channel] = [Math.floor(i / CHANNELS), i % CHANNELS]
    return sum(FILTERS * 9, (k) => {
      const [filter, tap] = [Math.floor(k / 9), k % 9]
      const row = Math.floor(pixel / WIDTH) + 1 - Math.floor(tap / 3)
      const column = (pixel % WIDTH) + 1 - (tap % 3)
      const isInside = row >= 0 && row < HEIGHT && column >= 0 && column < WIDTH
      return isInside
        ? at(dy, (row * WIDTH + column) * FILTERS + filter) * at(filters, (filter * CHANNELS + channel) * 9 + tap)
        : 0
    })
  })
  return problemOf(`a convolution of ${HEIGHT}×${WIDTH} slopes with ${FILTERS} filters`, apart, STORED_TOLERANCE)
}

/** A layer between values in float16, so that its slopes are float16, too. */
function throughHalf({ narrow = (x) => x, widen = (x) => x }: Ops, run: (x: Tensor) => Tensor): (x: Tensor) => Tensor {
  return (x) => widen(run(narrow(x)))
}

async function valuesOf(shape: number[], values: Float32Array, run: (x: Tensor) => Tensor): Promise<Float32Array> {
  const y = tf.tidy(() => run(tf.tensor(values, shape)))
  const read = await y.data<"float32">()
  y.dispose()
  return read
}

function problemOf(what: string, apart: number, allowed = TOLERANCE): string | null {
  return apart <= allowed ? null : `${what} on subgroup matrices is ${apart.toExponential(1)} apart from float64`
}
