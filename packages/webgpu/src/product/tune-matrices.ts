import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { type Gpu, openGpu } from "../gpu.ts"
import { encodeRows } from "../weights/storage.ts"
import { apartFrom, at, quarters } from "./check-values.ts"
import { rowsOf, weightRows } from "./factors.ts"
import { fittingTiles, MATRIX_CANDIDATES, MATRIX_TILES, type MatrixTile } from "./matrix-tiles.ts"
import { type ProductSizes, runProduct } from "./run.ts"
import type { ProductTiles } from "./tiles.ts"
import { fastestOf, measured, tuneProducts } from "./tune.ts"

/** Products of one size, and how many of them a pass of the U-Net has. */
export interface CountedSizes {
  readonly sizes: ProductSizes
  readonly count: number
}

const counted = (m: number, k: number, n: number, count: number): CountedSizes => ({ sizes: { m, n, k }, count })

/**
 * The linear layers of SDXL's transformers that take the large tile at 1024 px, and those that take the medium tile at
 * 512 px. Those that take most time come first.
 */
const SIZES: readonly (readonly CountedSizes[])[] = [
  [
    counted(1024, 1280, 10_240, 60),
    counted(1024, 5120, 1280, 60),
    counted(1024, 1280, 1280, 360),
    counted(4096, 640, 5120, 10),
    counted(4096, 2560, 640, 10),
    counted(4096, 640, 640, 60),
  ],
  [
    counted(256, 1280, 1280, 360),
    counted(256, 5120, 1280, 60),
    counted(1024, 640, 640, 60),
    counted(1024, 2560, 640, 10),
  ],
]

/** Milliseconds after which no further size is tried. Compilation is a part of them. */
const MOST_MILLIS = 5000

/** A product with tails on all sides, and a sum in parts. */
const CHECKED: ProductSizes = { m: 150, n: 76, k: 1032 }

/** The greatest difference of a right tile, in parts of the greatest value. Its factors are float16 already. */
const TOLERANCE = 1e-5

/**
 * As `tuneProducts`, with tiles of products on the device's subgroup matrices, too. A tile is measured only if its product
 * is right.
 *
 * @throws WebgpuOpsError if the backend in use was not started by `startWebgpu`
 */
export async function tuneMatrices(): Promise<ProductTiles> {
  return tunedMatrices(openGpu(), await tuneProducts(), SIZES)
}

/**
 * Tiles with those on matrices that are fastest for products of these sizes together, large and medium.
 *
 * @param mostMillis after which no further size is tried for a tile. The first is always tried
 */
export async function tunedMatrices(
  gpu: Gpu,
  tiles: ProductTiles,
  sizes: readonly (readonly CountedSizes[])[],
  mostMillis = MOST_MILLIS,
): Promise<ProductTiles> {
  const { features, limits } = gpu
  const unit = features.matrices
  if (unit === null) return tiles
  const matrices: MatrixTile[] = [...MATRIX_TILES]
  for (const [i, candidates] of MATRIX_CANDIDATES.entries()) {
    const right: MatrixTile[] = []
    for (const tile of fittingTiles(unit, limits, candidates)) if (await isRight(gpu, tile)) right.push(tile)
    const choices = (right.length > 0 ? right : MATRIX_TILES.slice(i, i + 1)).map(
      (tile): ProductTiles => ({ ...tiles, matrices: [tile] }),
    )
    const { matrices: best = [] } = await fastestTogether(gpu, choices, sizes[i] ?? [], mostMillis)
    matrices.splice(i, 1, ...best)
  }
  return { ...tiles, matrices }
}

/** The candidate that takes the least time for all products of some sizes. */
async function fastestTogether(
  gpu: Gpu,
  choices: readonly ProductTiles[],
  sizes: readonly CountedSizes[],
  mostMillis: number,
): Promise<ProductTiles> {
  let millis = choices.map(() => 0)
  const start = performance.now()
  for (const [i, { sizes: size, count }] of choices.length < 2 ? [] : sizes.entries()) {
    if (i > 0 && performance.now() - start > mostMillis) break
    const taken = await measured(gpu, size, weightRows({ format: "F16", rounds: true }, size.k), choices)
    millis = millis.map((sum, choice) => sum + count * (taken[choice] ?? Number.POSITIVE_INFINITY))
  }
  return fastestOf(choices, millis)
}

/** Compares the product of a tile with the float32 one. */
async function isRight(gpu: Gpu, tile: MatrixTile): Promise<boolean> {
  const { m, n, k } = CHECKED
  // Buffers hold what was computed in them before. Other values for each tile show a kernel that writes nothing.
  const name = JSON.stringify(tile)
  const [x, weight] = [quarters(`left, ${name}`, m * k), quarters(`right, ${name}`, n * k)]
  const entry = new Uint8Array(weight.buffer.slice(0)) as Uint8Array<ArrayBuffer>
  const values = gpu.upload("a tile's check", encodeRows("a tile's check", entry, "F32", n, "F16").bytes)
  const tensor = tf.tensor2d(x, [m, k])
  const run = (rounds: boolean, tiles: ProductTiles): Tensor => {
    const left = { factor: rowsOf("x", k), buffers: [tensor], params: [] }
    const right = { factor: weightRows({ format: "F16", rounds }, k), buffers: [values], params: [] }
    return runProduct({ ...gpu, tiles }, CHECKED, left, right, {}, { shape: [m, n] })
  }
  const results = [run(true, { ...gpu.tiles, matrices: [tile] }), run(false, gpu.tiles)]
  try {
    const [got, expected] = (await Promise.all(results.map((y) => y.data<"float32">()))) as [Float32Array, Float32Array]
    return apartFrom(got, (i) => at(expected, i)) <= TOLERANCE
  } finally {
    tf.dispose([tensor, ...results])
    gpu.release(values)
  }
}
