import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../errors.ts"
import type { RgbImage } from "../image.ts"
import type { Region } from "../tiling.ts"
import type { Grid, Tap } from "./taps.ts"

/** Masks of pictures, for every grid of a network's tokens or pixels. */
export interface PreparedMask {
  /** [masks, height · width], which stays the mask's. */
  at(grid: Grid): Tensor
  dispose(): void
}

/**
 * Prepares masks of one size. Each is blurred, then averaged over the part of the picture that a token or pixel of a
 * grid covers. White is 1, black is 0. The caller disposes the result.
 *
 * @param feather the width of the soft edge in pixels
 * @param region The part of the pictures that a network sees. Edges come from the whole. Default: all
 */
export function prepareMask(masks: readonly RgbImage[], feather: number, region: Region | null = null): PreparedMask {
  const planes = masks.map((mask) => {
    const plane = softPlane(mask, feather)
    return region === null ? plane : cutPlane(plane, region)
  })
  const onGrids = new Map<string, Tensor>()
  return {
    at(grid) {
      const key = `${grid.height}×${grid.width}`
      const found = onGrids.get(key)
      if (found !== undefined) return found
      const values = new Float32Array(planes.length * grid.height * grid.width)
      for (const [i, plane] of planes.entries()) values.set(averaged(plane, grid), i * grid.height * grid.width)
      const tensor = tf.keep(tf.tensor2d(values, [planes.length, grid.height * grid.width]))
      onGrids.set(key, tensor)
      return tensor
    },
    dispose() {
      tf.dispose([...onGrids.values()])
      onGrids.clear()
    },
  }
}

/**
 * A tap whose deltas are multiplied by a mask. It changes layers of the picture only. The rows of a batch are
 * [pictures…, pictures…], so their number is a multiple of the masks.
 *
 * @param elsewhere the factor on deltas at layers that see no picture. Default: 1
 */
export function maskedTap(tap: Tap, mask: PreparedMask, elsewhere = 1): Tap {
  const { before, after } = tap
  const masked = (originals: readonly Tensor[], changed: readonly Tensor[], grid: Grid | null): readonly Tensor[] =>
    changed.map((y, i) => {
      const x = originals[i]
      if (x === undefined || y === x || (grid === null && elsewhere === 1)) return y
      return tf.tidy(() => {
        const factor = grid === null ? elsewhere : rowsOf(mask.at(grid), x)
        return tf.add(x, tf.mul(tf.sub(y, x), factor))
      })
    })
  return {
    has: (layer) => tap.has(layer),
    reads(layer, place, count) {
      const own = tap.reads?.(layer, place, count) ?? null
      if (own === null) return null
      if (place.grid === null) return elsewhere === 1 ? own : { ...own, key: `mask(${own.key}) ${elsewhere}` }
      return { ...own, key: `mask(${own.key})`, reads: [...own.reads, mask.at(place.grid)] }
    },
    ...(before === undefined
      ? {}
      : {
          before: (layers, x, place) =>
            masked(
              layers.map(() => x),
              before.call(tap, layers, x, place),
              place.grid,
            ),
        }),
    ...(after === undefined
      ? {}
      : {
          after: (layers, xs, ys, place) => masked(ys, after.call(tap, layers, xs, ys, place), place.grid),
        }),
  }
}

/** Masks for the rows of x: [N, T, 1] for tokens, [N, H, W, 1] for pixels. */
export function rowsOf(masks: Tensor, x: Tensor): Tensor {
  const [count = 1, size = 1] = masks.shape
  const [rows = 1] = x.shape
  if (rows % count !== 0) {
    throw new CoreError("control-count", `mask: ${count} masks for a batch of ${rows}. Their number must divide it.`)
  }
  const repeated = count === 1 || count === rows ? masks : tf.tile(masks, [rows / count, 1])
  const sides = x.shape.length === 4 ? x.shape.slice(1, 3) : [size]
  return tf.reshape(repeated, [count === 1 ? 1 : rows, ...sides, 1])
}

/** One value for each pixel, row after row. */
interface Plane {
  readonly width: number
  readonly height: number
  readonly values: Float32Array
}

/** The brightness of a picture from 0 to 1, by Rec. 601 as PIL's `L`, blurred by a Gaussian. */
function softPlane({ width, height, data }: RgbImage, feather: number): Plane {
  const values = new Float32Array(width * height)
  for (let i = 0; i < values.length; i++) {
    const [red = 0, green = 0, blue = 0] = data.subarray(3 * i, 3 * i + 3)
    values[i] = (0.299 * red + 0.587 * green + 0.114 * blue) / 255
  }
  const plane = { width, height, values }
  if (feather === 0) return plane
  // Four deviations across: an edge falls from 98 % to 2 % within the feather.
  const weights = gaussian(feather / 4)
  return transposed(blurredRows(transposed(blurredRows(plane, weights)), weights))
}

function cutPlane({ width: across, values }: Plane, { top, left, height, width }: Region): Plane {
  const cut = new Float32Array(width * height)
  for (let y = 0; y < height; y++) {
    const from = (top + y) * across + left
    cut.set(values.subarray(from, from + width), y * width)
  }
  return { width, height, values: cut }
}

/** A Gaussian's weights to three deviations, with the sum 1. The middle one is the centre. */
function gaussian(deviation: number): Float64Array {
  const reach = Math.ceil(3 * deviation)
  const weights = Float64Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-(((i - reach) / deviation) ** 2) / 2),
  )
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map((weight) => weight / sum)
}

/** Blurs every row. Beyond the border the last pixel is repeated. */
function blurredRows({ width, height, values }: Plane, weights: Float64Array): Plane {
  const reach = (weights.length - 1) / 2
  const result = new Float32Array(values.length)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0
      for (let i = 0; i < weights.length; i++) {
        const from = Math.min(width - 1, Math.max(0, x + i - reach))
        sum += (weights[i] as number) * (values[y * width + from] as number)
      }
      result[y * width + x] = sum
    }
  }
  return { width, height, values: result }
}

function transposed({ width, height, values }: Plane): Plane {
  const result = new Float32Array(values.length)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) result[x * height + y] = values[y * width + x] as number
  }
  return { width: height, height: width, values: result }
}

/** The mean over the part of the plane that each cell of a grid covers. Pixels on a border count in part. */
function averaged(plane: Plane, grid: Grid): Float32Array {
  const rows = averagedRows(plane, grid.width)
  return transposed(averagedRows(transposed(rows), grid.height)).values
}

function averagedRows({ width, height, values }: Plane, cells: number): Plane {
  const result = new Float32Array(cells * height)
  for (let cell = 0; cell < cells; cell++) {
    const [from, to] = [(cell * width) / cells, ((cell + 1) * width) / cells]
    for (let y = 0; y < height; y++) {
      let sum = 0
      for (let x = Math.floor(from); x < Math.min(width, Math.ceil(to)); x++) {
        sum += (values[y * width + x] as number) * (Math.min(to, x + 1) - Math.max(from, x))
      }
      result[y * cells + cell] = sum / (to - from)
    }
  }
  return { width: cells, height, values: result }
}
