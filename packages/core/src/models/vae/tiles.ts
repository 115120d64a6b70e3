import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { floatsToImage, type RgbImage } from "../../image.ts"
import type { Ops } from "../../ops/ops.ts"
import {
  cellWeights,
  type Region,
  scaledRegion,
  type TileWeights,
  type Tiling,
  tilesOf,
  tileWeights,
} from "../../tiling.ts"
import { runAtOnce, runUntilStopped, type StopOptions } from "../steps.ts"
import { VAE_FACTOR } from "./config.ts"
import { shareNorms } from "./shared-norms.ts"
import { decodeSteps, encodeSteps, latentsOf } from "./vae.ts"
import type { VaeParams } from "./weights.ts"

/*
 * The autoencoder over tiles of a picture that overlap. Memory is that of one tile. The result differs a little from
 * that of the whole: attention sees one tile, and the statistics of norms come from a small copy of the whole.
 */

/** Runs of the autoencoder over parts of a picture. */
export interface VaeTileOptions extends StopOptions {
  readonly tiling: Tiling
}

/**
 * Decodes the latents of a picture that is larger than a tile. latents: [1, H, W, 4], which stay the caller's.
 *
 * @throws the signal's reason when aborted, between two blocks of the decoder
 */
export async function decodeInTiles(
  ops: Ops,
  params: VaeParams,
  latents: Tensor4D,
  { tiling, ...stop }: VaeTileOptions,
): Promise<RgbImage> {
  const [, height, width] = latents.shape
  const regions = tilesOf({ height, width }, tiling, VAE_FACTOR)
  const pixels = regions.map((region) => scaledRegion(region, VAE_FACTOR))
  const sides = { height: VAE_FACTOR * height, width: VAE_FACTOR * width }
  const weights = tileWeights(sides, pixels)
  const picture = createMosaic(sides)
  const norms = shareNorms(ops)
  try {
    const small = tf.tidy(() => sparse(latents, tiling.size / VAE_FACTOR))
    const measured = decodeSteps(norms.measuring, params, small)
    ;(await runUntilStopped(measured, stop).finally(() => small.dispose())).dispose()
    for (const [i, { top, left, height, width }] of regions.entries()) {
      const part = tf.slice(latents, [0, top, left, 0], [1, height, width, -1])
      const decoding = decodeSteps(norms.fixed, params, part)
      const decoded = await runUntilStopped(decoding, stop).finally(() => part.dispose())
      const values = await decoded.data<"float32">().finally(() => decoded.dispose())
      picture.add(values, pixels[i] as Region, weights[i] as TileWeights)
      ops.trim?.()
    }
  } finally {
    norms.dispose()
  }
  return picture.finish()
}

/**
 * Encodes a picture that is larger than a tile: the mean of its posterior, scaled.
 *
 * @param values the picture in −1 … 1, [height, width, 3]
 * @returns [1, H/8, W/8, 4], which the caller disposes
 */
export function encodeInTiles(
  ops: Ops,
  params: VaeParams,
  values: Float32Array,
  { height, width }: Pick<RgbImage, "height" | "width">,
  tiling: Tiling,
): Tensor4D {
  const sides = { height: height / VAE_FACTOR, width: width / VAE_FACTOR }
  const regions = tilesOf(sides, tiling, VAE_FACTOR)
  const weights = tileWeights(sides, regions)
  const norms = shareNorms(ops)
  const encode = (own: Ops, pixels: Float32Array, { height, width }: Pick<Region, "height" | "width">): Tensor4D => {
    const picture = tf.tensor4d(pixels, [1, height, width, 3])
    const posterior = runAtOnce(encodeSteps(own, params, picture))
    const latents = latentsOf(posterior, null)
    tf.dispose([picture, posterior.mean, posterior.logvar])
    return latents
  }
  try {
    const small = sparsePixels(values, { height, width }, tiling.size)
    encode(norms.measuring, small.values, small).dispose()
    let sum: Tensor4D = tf.zeros([1, sides.height, sides.width, params.config.latentChannels])
    for (const [i, region] of regions.entries()) {
      const pixels = scaledRegion(region, VAE_FACTOR)
      const part = encode(norms.fixed, cutPixels(values, width, pixels), pixels)
      const next = tf.tidy(() => {
        const weight = tf.tensor4d(cellWeights(weights[i] as TileWeights), [1, region.height, region.width, 1])
        const [below, right] = [sides.height - region.top - region.height, sides.width - region.left - region.width]
        const place: [number, number][] = [
          [0, 0],
          [region.top, below],
          [region.left, right],
          [0, 0],
        ]
        return tf.add<Tensor4D>(sum, tf.pad(tf.mul<Tensor4D>(part, weight), place))
      })
      tf.dispose([sum, part])
      sum = next
      ops.trim?.()
    }
    return sum
  } finally {
    norms.dispose()
  }
}

/** Cells of a side, evenly: at most `most` of them. */
function sparseCells(side: number, most: number, unit = 1): readonly number[] {
  const count = side <= most ? side : most - (most % unit)
  return Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * side) / count))
}

/**
 * Latents with fewer rows and columns, at most `most` of each. The nearest values are taken, because a mean of several
 * would be smoother than the latents are.
 */
function sparse(x: Tensor4D, most: number): Tensor4D {
  const [, height, width] = x.shape
  const at = (side: number): tf.Tensor1D => tf.tensor1d([...sparseCells(side, most)], "int32")
  return tf.gather(tf.gather(x, at(height), 1), at(width), 2)
}

function sparsePixels(
  values: Float32Array,
  { height, width }: Pick<Region, "height" | "width">,
  most: number,
): { readonly values: Float32Array; readonly height: number; readonly width: number } {
  const [rows, columns] = [sparseCells(height, most, VAE_FACTOR), sparseCells(width, most, VAE_FACTOR)]
  const small = new Float32Array(3 * rows.length * columns.length)
  let at = 0
  for (const row of rows) {
    for (const column of columns) {
      const from = 3 * (row * width + column)
      small.set(values.subarray(from, from + 3), at)
      at += 3
    }
  }
  return { values: small, height: rows.length, width: columns.length }
}

function cutPixels(values: Float32Array, across: number, { top, left, height, width }: Region): Float32Array {
  const cut = new Float32Array(3 * height * width)
  for (let row = 0; row < height; row++) {
    const from = 3 * ((top + row) * across + left)
    cut.set(values.subarray(from, from + 3 * width), 3 * row * width)
  }
  return cut
}

/** A picture that is put together from tiles, row of tiles after row of tiles. */
interface Mosaic {
  /** values: [height, width, 3] in about −1 … 1 */
  add(values: Float32Array, region: Region, weights: TileWeights): void
  finish(): RgbImage
}

/** Only the rows of the current tiles are held as floats, because the picture may be large. */
function createMosaic({ height, width }: Pick<Region, "height" | "width">): Mosaic {
  const data = new Uint8Array(3 * height * width)
  let first = 0
  let band = new Float32Array(0)
  const leave = (until: number): void => {
    const done = 3 * width * (until - first)
    if (done > 0) data.set(floatsToImage(band.subarray(0, done), width, until - first).data, 3 * width * first)
    band = band.slice(done)
    first = until
  }
  return {
    add(values, { top, left, height: rows, width: columns }, weights) {
      if (top > first) leave(top)
      if (band.length < 3 * width * rows) {
        const longer = new Float32Array(3 * width * rows)
        longer.set(band)
        band = longer
      }
      for (let y = 0; y < rows; y++) {
        const down = weights.rows[y] as number
        for (let x = 0; x < columns; x++) {
          const weight = down * (weights.columns[x] as number)
          const [to, from] = [3 * (y * width + left + x), 3 * (y * columns + x)]
          for (let c = 0; c < 3; c++) band[to + c] = (band[to + c] as number) + weight * (values[from + c] as number)
        }
      }
    },
    finish() {
      leave(height)
      return { width, height, data }
    },
  }
}
