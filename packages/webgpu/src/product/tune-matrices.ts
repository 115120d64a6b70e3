import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { type Gpu, openGpu } from "../gpu.ts"
import { encodeRows } from "../weights/storage.ts"
import { apartFrom, at, quarters } from "./check-values.ts"
import { rowsOf, weightRows } from "./factors.ts"
import { fittingTiles, MATRIX_CANDIDATES, MATRIX_TILES, type MatrixTile } from "./matrix-tiles.ts"
import { type ProductSizes, runProduct } from "./run.ts"
import type { ProductTiles } from "./tiles.ts"
import { fastest, tuneProducts } from "./tune.ts"

/** Products for the large and for the medium tile, as a U-Net has them at 1024 px and at 512 px. */
const SIZES: readonly ProductSizes[] = [
  { m: 4096, n: 1280, k: 640 },
  { m: 1024, n: 640, k: 640 },
]

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

/** Tiles with those on matrices that are fastest for products of these sizes, large and medium. */
export async function tunedMatrices(
  gpu: Gpu,
  tiles: ProductTiles,
  sizes: readonly ProductSizes[],
): Promise<ProductTiles> {
  const { features, limits } = gpu
  const unit = features.matrices
  if (unit === null) return tiles
  const matrices: MatrixTile[] = [...MATRIX_TILES]
  for (const [i, candidates] of MATRIX_CANDIDATES.entries()) {
    const size = sizes[i]
    const right: MatrixTile[] = []
    for (const tile of fittingTiles(unit, limits, candidates)) if (await isRight(gpu, tile)) right.push(tile)
    if (size === undefined || right.length < 2) {
      matrices.splice(i, 1, right[0] ?? (MATRIX_TILES[i] as MatrixTile))
      continue
    }
    const weights = weightRows({ format: "F16", rounds: true }, size.k)
    const choices = right.map((tile): ProductTiles => ({ ...tiles, matrices: [tile] }))
    const { matrices: best = [] } = await fastest(gpu, size, weights, choices)
    matrices.splice(i, 1, ...best)
  }
  return { ...tiles, matrices }
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
