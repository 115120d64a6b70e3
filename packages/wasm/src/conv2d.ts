import { type Conv2dOptions, type Conv2dWeight, type Ops, vjp } from "@lllite/core/ops"
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { expectShape, WasmOpsError } from "./errors.ts"
import { type Direction, type PackedMatrix, packMatrix } from "./frozen-weight.ts"
import type { Heap } from "./heap.ts"
import type { Kernels } from "./kernels.ts"

interface WasmConv2d extends Conv2dWeight, PackedMatrix {}

/** Places that the taps of a filter read. See `convolve` in kernels/convolution.ts. */
interface Reach {
  readonly kernel: readonly [height: number, width: number]
  /** Logarithms to base 2 of the distance between reads, and of the distance between pixels that can be read. */
  readonly up: number
  readonly down: number
  readonly top: number
  readonly left: number
}

type Shape4 = readonly [number, number, number, number]

/** With fewer channels, transforming tiles takes longer than it saves. */
const LEAST_CHANNELS = 16

/** On a side of fewer outputs, most of a direct convolution's taps meet no pixel. */
const LEAST_SIDE = 4

/** The transformed filter is nearly twice as large. A larger one than this, 4 MiB in all, is not worth its memory. */
const MOST_PAIRS = 2 ** 16

/** Whether a convolution runs in tiles, by `convolveTiles` in kernels/winograd.ts. */
function suitsTiles(inner: number, [, height, width, out]: Shape4, { kernel, up, down }: Reach): boolean {
  const isThree = kernel[0] === 3 && kernel[1] === 3 && up === 0 && down === 0
  const areChannels = [inner, out].every((channels) => channels >= LEAST_CHANNELS && channels % 4 === 0)
  return isThree && areChannels && inner * out <= MOST_PAIRS && height >= LEAST_SIDE && width >= LEAST_SIDE
}

/**
 * Convolutions with frozen weights, and their loader. The gradient is the same kernel with the weight packed for it.
 */
export function createConv2d(
  heap: Heap,
  kernels: Kernels,
): Required<Pick<Ops, "conv2d" | "conv2dPlus" | "conv2dShift">> & { readonly load: Ops["load"]["conv2d"] } {
  const convolve = (x: Tensor, matrix: PackedMatrix, direction: Direction, shape: Shape4, reach: Reach): Tensor4D => {
    const { kernel, up, down, top, left } = reach
    const [n, height, width, inner] = x.shape as [number, number, number, number]
    const [, outHeight, outWidth, out] = shape
    const y = heap.create<Tensor4D>(shape)
    const isForward = direction === "forward"
    const bias = isForward ? matrix.bias : null
    const inTiles = suitsTiles(inner, shape, reach)
    const weight = inTiles ? matrix.packedTiles(direction) : isForward ? matrix.packed : matrix.packedBackward()
    const taps = kernel[0] * kernel[1]
    heap.withScratch(
      inTiles ? kernels.convolveTilesScratch(inner, out) : kernels.convolveScratch(taps, inner),
      (scratch) => {
        const biasAt = bias === null ? 0 : heap.address(bias)
        const tensors = [heap.address(x), heap.address(weight), biasAt, heap.address(y)] as const
        if (inTiles) {
          const sizes = [n, height, width, inner, outHeight, outWidth, out] as const
          kernels.convolveTiles(...tensors, scratch, ...sizes, top, left)
          return
        }
        const sizes = [n, height, width, inner, outHeight, outWidth, out, ...kernel] as const
        kernels.convolve(...tensors, scratch, ...sizes, up, down, top, left)
      },
    )
    return y
  }
  /** The two passes of a layer at x. */
  const runOf = (
    x: Tensor4D,
    weight: Conv2dWeight,
    { stride, padding }: Conv2dOptions,
  ): { readonly forward: () => Tensor4D; readonly back: (dy: Tensor) => Tensor4D } => {
    const matrix = weight as WasmConv2d
    const [out, inner, kernelHeight, kernelWidth] = matrix.shape as Shape4
    const [top, bottom, left, right] = padding
    const [n, height, width, channels] = x.shape
    const outHeight = Math.floor((height + top + bottom - kernelHeight) / stride) + 1
    const outWidth = Math.floor((width + left + right - kernelWidth) / stride) + 1
    if (channels !== inner || outHeight < 1 || outWidth < 1) {
      throw new WasmOpsError(
        "shape",
        `conv2d: x is [${x.shape.join(", ")}], expected a last axis of ${inner} and, with its padding of ` +
          `[${padding.join(", ")}], at least ${kernelHeight}×${kernelWidth} pixels.`,
      )
    }
    const kernel = [kernelHeight, kernelWidth] as const
    const step = stride - 1
    const forward: Reach = { kernel, up: step, down: 0, top, left }
    const backward: Reach = { kernel, up: 0, down: step, top: kernelHeight - 1 - top, left: kernelWidth - 1 - left }
    const { shape } = x
    return {
      forward: () => convolve(x, matrix, "forward", [n, outHeight, outWidth, out], forward),
      back: (dy) => convolve(dy, matrix, "backward", shape, backward),
    }
  }
  return {
    load: async (weight, bias): Promise<WasmConv2d> => ({
      kind: "conv2d",
      shape: weight.shape,
      ...(await packMatrix(heap, kernels, weight, bias, 4)),
    }),
    conv2d(x, weight, options) {
      const { forward, back } = runOf(x, weight, options)
      return vjp([x], () => ({ value: forward(), saved: [], gradients: (dy) => [back(dy)] }))
    },
    conv2dPlus(x, weight, options, plus) {
      const { forward, back } = runOf(x, weight, options)
      return vjp([x, plus], () => {
        const y = forward()
        expectShape("conv2dPlus: what is added", plus, y.shape)
        kernels.addTo(heap.address(y), heap.address(plus), y.size)
        return { value: y, saved: [], gradients: (dy) => [back(dy), tf.clone(dy)] }
      })
    },
    conv2dShift(x, weight, options, shift) {
      const { forward, back } = runOf(x, weight, options)
      return vjp([x], () => {
        const y = forward()
        const [n, height, width, channels] = y.shape
        expectShape("conv2dShift: the shift", shift, [n, channels])
        kernels.addToSamples(heap.address(y), heap.address(shift), n, height * width, channels)
        return { value: y, saved: [], gradients: (dy) => [back(dy)] }
      })
    },
  }
}
