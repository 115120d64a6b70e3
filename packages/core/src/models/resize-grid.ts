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
  const [n, h, w, c] = x.shape
  if (h === height && w === width) return tf.clone(x)
  return tf.tidy(() => {
    // Every side is a product with a matrix that has two or four values in each row.
    const rows = tf.reshape(kernelMatrix(h, height, kernel, scale), [1, height, h])
    const byRows = tf.matMul(tf.tile(rows, [n, 1, 1]), tf.reshape(x, [n, h, w * c]))
    const columnsFirst = tf.reshape(tf.transpose(tf.reshape(byRows, [n * height, w, c]), [1, 0, 2]), [w, -1])
    const byColumns = tf.matMul(kernelMatrix(w, width, kernel, scale), columnsFirst as tf.Tensor2D)
    const last = tf.transpose(tf.reshape(byColumns, [width, n * height, c]), [1, 0, 2])
    return tf.reshape(last, [n, height, width, c]) as Tensor4D
  })
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
