import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { CoreError } from "../../errors.ts"
import type { Conv2dOptions, Conv2dWeight, Padding } from "../ops.ts"
import { vjp } from "../vjp.ts"
import type { ComposedConv2d } from "./weights.ts"

/** x: [N, H, W, Cin] → [N, H', W', Cout] */
export function conv2d(x: Tensor4D, weight: Conv2dWeight, options: Conv2dOptions): Tensor4D {
  const { filter, backwardFilter, bias } = weight as ComposedConv2d
  const [kernelHeight, kernelWidth, inner] = filter.shape
  if (x.shape[3] !== inner) {
    throw new CoreError("shape", `conv2d: x is [${x.shape.join(", ")}], expected a last axis of ${inner}`)
  }
  const { stride, padding } = options
  const same = stride === 1 && isSame(padding, kernelHeight, kernelWidth)
  return vjp([x], () => {
    const input = same ? x : pad(x, padding)
    const mode = same ? "same" : "valid"
    const value =
      bias === null
        ? tf.conv2d(input, filter, stride, mode)
        : tf.fused.conv2d({ x: input, filter, strides: stride, pad: mode, bias })
    return {
      value,
      saved: [],
      gradients: (dy) => [
        same
          ? tf.conv2d(dy, backwardFilter(), 1, "same")
          : transposedConv2d(dy, backwardFilter(), x.shape, stride, padding),
      ],
    }
  })
}

/** The gradient of a convolution as a plain convolution of dy, with zeros between its pixels, by the rotated filter. */
function transposedConv2d(
  dy: Tensor4D,
  backwardFilter: Tensor4D,
  inputShape: readonly number[],
  stride: 1 | 2,
  [top, bottom, left, right]: Padding,
): Tensor4D {
  const [kernelHeight, kernelWidth] = backwardFilter.shape
  const [, height = 0, width = 0] = inputShape
  const spread = stride === 1 ? dy : spaced(dy)
  // The last rows and columns of the padded input may be outside of every window.
  const below = height + top + bottom - spread.shape[1]
  const beside = width + left + right - spread.shape[2]
  const padded = pad(spread, [kernelHeight - 1, below, kernelWidth - 1, beside])
  const full = tf.conv2d(padded, backwardFilter, 1, "valid")
  return tf.slice(full, [0, top, left, 0], [full.shape[0], height, width, full.shape[3]])
}

/** Zeros after every row and column. [N, H, W, C] → [N, 2H, 2W, C] */
function spaced(x: Tensor4D): Tensor4D {
  const [n, h, w, c] = x.shape
  const columns = tf.reshape(tf.concat([x, tf.zerosLike(x)], 3), [n, h, 2 * w * c])
  return tf.reshape(tf.concat([columns, tf.zerosLike(columns)], 2), [n, 2 * h, 2 * w, c])
}

function pad(x: Tensor4D, [top, bottom, left, right]: Padding): Tensor4D {
  if (top === 0 && bottom === 0 && left === 0 && right === 0) return x
  return tf.pad(x, [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ])
}

function isSame([top, bottom, left, right]: Padding, kernelHeight: number, kernelWidth: number): boolean {
  return 2 * top === kernelHeight - 1 && top === bottom && 2 * left === kernelWidth - 1 && left === right
}
