import { type Conv2dOptions, type Conv2dWeight, filterTileSide, type Ops, type TileSide, vjp } from "@lllite/core/ops"
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

/** The size of the tiles in which a convolution runs, or null where it runs directly. */
function tileSide(inner: number, [, height, width, out]: Shape4, { kernel, up, down }: Reach): TileSide | null {
  return filterTileSide({ filter: [out, inner, ...kernel], stride: 1 + up + down, height, width })
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
    const side = tileSide(inner, shape, reach)
    const weight =
      side !== null ? matrix.packedTiles(direction, side) : isForward ? matrix.packed : matrix.packedBackward()
    const sizes = [n, height, width, inner, outHeight, outWidth, out] as const
    const addresses = (): readonly [x: number, weight: number, bias: number, y: number] => {
      const biasAt = bias === null ? 0 : heap.address(bias)
      return [heap.address(x), heap.address(weight), biasAt, heap.address(y)]
    }
    if (side === 4) {
      heap.withScratch(kernels.convolveFoursScratch(inner, out), (scratch) =>
        kernels.convolveFours(...addresses(), scratch, ...sizes, top, left),
      )
    } else if (side === 2) {
      heap.withScratch(kernels.convolveTilesScratch(inner, out), (scratch) =>
        kernels.convolveTiles(...addresses(), scratch, ...sizes, top, left),
      )
    } else {
      heap.withScratch(kernels.convolveScratch(kernel[0] * kernel[1], inner), (scratch) =>
        kernels.convolve(...addresses(), scratch, ...sizes, ...kernel, up, down, top, left),
      )
    }
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
