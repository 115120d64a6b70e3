import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Grid } from "./taps.ts"

/** How values between pixels are read: cubic with a = -0.75, or linear. Shrinking is not smoothed, as in PyTorch. */
export type GridKernel = "bicubic" | "bilinear"

/**
 * Resizes latents or features. x: [N, H, W, C] → [N, height, width, C]
 *
 * Source: PyTorch's `interpolate` with `align_corners=False`.
 *
 * @param scale Input pixels for each output pixel. Default: the ratio of the sizes, for each side.
 */
export function resizeGrid(x: Tensor4D, { height, width }: Grid, kernel: GridKernel, scale?: number): Tensor4D {
  const [, h, w] = x.shape
  if (h === height && w === width) return tf.clone(x)
  return tf.tidy(() => mixSides(x, kernelMatrix(h, height, kernel, scale), kernelMatrix(w, width, kernel, scale)))
}

/**
 * A Gaussian blur. Beyond the sides pixels are mirrored. x: [N, H, W, C] → the same, a new tensor
 *
 * Source: torchvision's `gaussian_blur`.
 *
 * @param size The side of the kernel, an odd number
 * @param sigma The deviation, in pixels
 */
export function blurGrid(x: Tensor4D, size: number, sigma: number): Tensor4D {
  const [, h, w] = x.shape
  return tf.tidy(() => mixSides(x, gaussianMatrix(h, size, sigma), gaussianMatrix(w, size, sigma)))
}

/**
 * Mixes rows and columns. Every side is a product with a matrix that has few values in each row. x: [N, H, W, C],
 * rows: [H', H], columns: [W', W] → [N, H', W', C]
 */
function mixSides(x: Tensor4D, rows: tf.Tensor2D, columns: tf.Tensor2D): Tensor4D {
  const [n, h, w, c] = x.shape
  const [height, width] = [rows.shape[0], columns.shape[0]]
  const rowsFirst = tf.reshape(tf.transpose(x, [1, 0, 2, 3]), [h, n * w * c]) as tf.Tensor2D
  const byRows = tf.reshape(tf.matMul(rows, rowsFirst), [height * n, w, c])
  const columnsFirst = tf.reshape(tf.transpose(byRows, [1, 0, 2]), [w, height * n * c]) as tf.Tensor2D
  const byColumns = tf.reshape(tf.matMul(columns, columnsFirst), [width, height, n, c])
  return tf.transpose(byColumns, [2, 1, 0, 3]) as Tensor4D
}

/** The shares of the pixels around every pixel. → [side, side] */
function gaussianMatrix(side: number, size: number, sigma: number): tf.Tensor2D {
  const reach = (size - 1) / 2
  const shares = Array.from({ length: size }, (_, i) => Math.exp(-0.5 * ((i - reach) / sigma) ** 2))
  const sum = shares.reduce((total, share) => total + share, 0)
  const values = new Float32Array(side * side)
  for (let i = 0; i < side; i++) {
    for (const [k, share] of shares.entries()) {
      const pixel = mirrored(i + k - reach, side)
      values[i * side + pixel] = (values[i * side + pixel] as number) + share / sum
    }
  }
  return tf.tensor2d(values, [side, side])
}

/** A pixel beyond a side, mirrored at the pixel of the edge. */
function mirrored(pixel: number, side: number): number {
  if (side === 1) return 0
  const period = 2 * (side - 1)
  const at = ((pixel % period) + period) % period
  return at < side ? at : period - at
}

/** The shares of the input pixels in every output pixel. → [to, from] */
function kernelMatrix(from: number, to: number, kernel: GridKernel, scale = from / to): tf.Tensor2D {
  const values = new Float32Array(to * from)
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale - 0.5
    // A linear kernel does not look beyond the first pixel.
    const at = kernel === "bilinear" ? Math.max(centre, 0) : centre
    const first = Math.floor(at)
    for (const [offset, share] of sharesOf(at - first, kernel)) {
      const pixel = Math.min(Math.max(first + offset, 0), from - 1)
      values[i * from + pixel] = (values[i * from + pixel] as number) + share
    }
  }
  return tf.tensor2d(values, [to, from])
}

/** The pixels around a point, by their distance from the pixel before it, with their shares. */
function sharesOf(t: number, kernel: GridKernel): readonly (readonly [offset: number, share: number])[] {
  if (kernel === "bilinear") {
    return [
      [0, 1 - t],
      [1, t],
    ]
  }
  return [-1, 0, 1, 2].map((offset) => [offset, cubic(Math.abs(t - offset))] as const)
}

const CUBIC_A = -0.75

/** Keys 1981, "Cubic convolution interpolation for digital image processing", equation 4. */
function cubic(distance: number): number {
  const d = distance
  return d <= 1 ? ((CUBIC_A + 2) * d - (CUBIC_A + 3)) * d * d + 1 : CUBIC_A * (((d - 5) * d + 8) * d - 4)
}
