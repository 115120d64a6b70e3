import type { Ops, Padding } from "@lllite/core/ops"
import { vjp } from "@lllite/core/ops"
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Handle, TensorflowDevice } from "./device.ts"
import type { ComputeType, Multiply } from "./multiply.ts"
import { expectWidth } from "./multiply.ts"
import type { HeldConv2d } from "./weights.ts"

/** Values of windows in memory at once: 32 MiB of float32. */
const MOST_VALUES = 2 ** 23

/** Size of a convolution with stride 1. */
export interface ConvolutionSize {
  /** Channels of the filter: the smaller number of its input and output channels. */
  readonly channels: number
  /** Pixels of the result, over all samples. */
  readonly pixels: number
  readonly compute: ComputeType
}

/** Sizes at which a matrix product of the windows is faster than TensorFlow's convolution. */
export interface ProductRule {
  readonly forward: (size: ConvolutionSize) => boolean
  readonly backward: (size: ConvolutionSize) => boolean
}

/**
 * TensorFlow reorders a filter for oneDNN before every use. With a large filter and a small picture this costs more
 * than the convolution. Measured with TensorFlow 2.21 on AVX-512 and AMX: filters of 3 x 3, 320 to 2,560 channels, 8 x
 * 8 to 128 x 128 pixels. Where this rule chooses the product, it takes 0.2 to 0.6 of the time. From 640 channels to 320
 * it takes up to 1.2.
 */
const MEASURED: ProductRule = {
  forward: ({ channels, pixels, compute }) => channels >= 640 && (compute === "F32" || pixels <= 64),
  backward: ({ channels, pixels }) => channels >= 640 && pixels <= 64,
}

export interface Conv2dOptions {
  readonly rule?: ProductRule
  /** Values of windows in memory at once. */
  readonly mostValues?: number
  /** Whether there are our own products. They compute convolutions as such. Default: false */
  readonly hasOwn?: boolean
}

/** Convolutions with frozen filters. The rule chooses between TensorFlow's own op and a product with the windows. */
export function createConv2d(
  device: TensorflowDevice,
  multiply: Multiply,
  compute: ComputeType,
  { rule = MEASURED, mostValues = MOST_VALUES, hasOwn = false }: Conv2dOptions = {},
): Ops["conv2d"] {
  return (x, weight, { stride, padding }) => {
    const { filter, bias } = weight as HeldConv2d
    const [kernelHeight = 0, kernelWidth = 0, inner = 0, out = 0] = filter.shape
    expectWidth("conv2d", x, inner)
    const windows = windowsOf(x.shape, [kernelHeight, kernelWidth], padding)
    const size = { channels: Math.min(inner, out), pixels: windows.samples * windows.height * windows.width, compute }
    const steps = (windowsOfOne: number): number => Math.floor((windowsOfOne - 1) / stride) + 1
    const result = [windows.samples, steps(windows.height), steps(windows.width), out]
    const isProduct = stride === 1 && kernelHeight * kernelWidth > 1 && !hasOwn
    const attributes = {
      ...paddingAttributes(padding, stride, kernelHeight, kernelWidth),
      strides: [1, stride, stride, 1],
      data_format: "NHWC",
    }
    return vjp([x], () => {
      const y =
        isProduct && rule.forward(size)
          ? productForward(device, multiply, x, filter, windows, mostValues)
          : multiply({ name: "Conv2D", attributes, x, weight: filter, shape: result })
      return {
        value: (bias === null ? y : tf.add(y, bias)) as Tensor4D,
        saved: [],
        gradients: (dy) => {
          if (isProduct && rule.backward(size)) return [productBackward(device, multiply, dy, filter, windows)]
          return [multiply({ name: "Conv2DBackpropInput", attributes, x: dy, weight: filter, shape: x.shape })]
        },
      }
    })
  }
}

/** Windows of a convolution with stride 1 over a padded picture. */
interface Windows {
  readonly samples: number
  /** Windows down and across. */
  readonly height: number
  readonly width: number
  readonly kernelHeight: number
  readonly kernelWidth: number
  readonly channels: number
  readonly padding: Padding
}

function windowsOf(
  [samples, height, width, channels]: Tensor4D["shape"],
  [kernelHeight, kernelWidth]: readonly [number, number],
  padding: Padding,
): Windows {
  const [top, bottom, left, right] = padding
  return {
    samples,
    height: height + top + bottom - kernelHeight + 1,
    width: width + left + right - kernelWidth + 1,
    kernelHeight,
    kernelWidth,
    channels,
    padding,
  }
}

/** Every place of a window, row by row. */
function placesOf({ kernelHeight, kernelWidth }: Windows): readonly (readonly [row: number, column: number])[] {
  return Array.from({ length: kernelHeight * kernelWidth }, (_, i) => [Math.floor(i / kernelWidth), i % kernelWidth])
}

/** Multiplies [pixels, places · channels] by the filter as [places · channels, out], some rows of pixels at a time. */
function productForward(
  device: TensorflowDevice,
  multiply: Multiply,
  x: Tensor4D,
  filter: Handle,
  windows: Windows,
  mostValues: number,
): Tensor {
  const { samples, height, width, channels, padding } = windows
  const [top, bottom, left, right] = padding
  const places = placesOf(windows)
  const columns = places.length * channels
  const out = filter.shape[3] ?? 0
  const matrix = reshaped(device, filter, [columns, out])
  try {
    return tf.tidy(() => {
      const padded = tf.pad(x, [
        [0, 0],
        [top, bottom],
        [left, right],
        [0, 0],
      ])
      const step = Math.max(1, Math.min(height, Math.floor(mostValues / (samples * width * columns))))
      const parts: Tensor[] = []
      for (let from = 0; from < height; from += step) {
        const rows = Math.min(step, height - from)
        const part = tf.tidy(() => {
          const shifted = places.map(([row, column]) =>
            tf.slice(padded, [0, from + row, column, 0], [samples, rows, width, channels]),
          )
          const flat = tf.reshape(tf.concat(shifted, 3), [samples * rows * width, columns])
          const attributes = { transpose_a: false, transpose_b: false }
          const y = multiply({ name: "MatMul", attributes, x: flat, weight: matrix, shape: [flat.shape[0] ?? 0, out] })
          return tf.reshape(y, [samples, rows, width, out])
        })
        parts.push(part)
      }
      return parts.length === 1 ? (parts[0] as Tensor) : tf.concat(parts, 1)
    })
  } finally {
    matrix.dispose()
  }
}

/** Computes the gradient of each place of each window, [pixels, places · channels], and adds it to its pixel. */
function productBackward(
  device: TensorflowDevice,
  multiply: Multiply,
  dy: Tensor4D,
  filter: Handle,
  windows: Windows,
): Tensor {
  const { samples, height, width, kernelHeight, kernelWidth, channels, padding } = windows
  const [top, bottom, left, right] = padding
  const places = placesOf(windows)
  const out = filter.shape[3] ?? 0
  const matrix = reshaped(device, filter, [places.length * channels, out])
  try {
    return tf.tidy(() => {
      const slopes = tf.reshape(dy, [samples * height * width, out])
      const attributes = { transpose_a: false, transpose_b: true }
      const shape = [samples * height * width, places.length * channels]
      const flat = multiply({ name: "MatMul", attributes, x: slopes, weight: matrix, shape })
      const shares = tf.split(tf.reshape(flat, [samples, height, width, places.length * channels]), places.length, 3)
      const placed = places.map(([row, column], i) =>
        tf.pad(shares[i] as Tensor, [
          [0, 0],
          [row, kernelHeight - 1 - row],
          [column, kernelWidth - 1 - column],
          [0, 0],
        ]),
      )
      const inner = [
        samples,
        height + kernelHeight - 1 - top - bottom,
        width + kernelWidth - 1 - left - right,
        channels,
      ] as const
      return tf.slice(tf.addN(placed), [0, top, left, 0], [...inner])
    })
  } finally {
    matrix.dispose()
  }
}

/** The same numbers in another shape, without a copy. */
function reshaped(device: TensorflowDevice, handle: Handle, shape: readonly number[]): Handle {
  const sizes = tf.tensor1d([...shape], "int32")
  try {
    const attributes = { T: { type: handle.type }, Tshape: { type: "I32" } } as const
    return device.hold("Reshape", attributes, [handle, sizes], handle.type)
  } finally {
    sizes.dispose()
  }
}

function paddingAttributes(
  [top, bottom, left, right]: Padding,
  stride: number,
  kernelHeight: number,
  kernelWidth: number,
): { readonly padding: string; readonly explicit_paddings?: readonly number[] } {
  if (top === 0 && bottom === 0 && left === 0 && right === 0) return { padding: "VALID" }
  const isCentred = top === bottom && left === right
  const isSame = stride === 1 && 2 * top === kernelHeight - 1 && 2 * left === kernelWidth - 1
  if (isSame && isCentred) return { padding: "SAME" }
  return { padding: "EXPLICIT", explicit_paddings: [0, 0, top, bottom, left, right, 0, 0] }
}
