import { type Conv2dWeight, type Ops, vjp } from "@lllite/core/ops"
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import { WasmOpsError } from "./errors.ts"
import { type PackedMatrix, packMatrix } from "./frozen-weight.ts"
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

/**
 * Convolutions with frozen weights, and their loader. The gradient is the same kernel with the weight packed for it.
 */
export function createConv2d(
  heap: Heap,
  kernels: Kernels,
): { readonly conv2d: Ops["conv2d"]; readonly load: Ops["load"]["conv2d"] } {
  const convolve = (
    x: Tensor,
    weight: Tensor,
    bias: Tensor | null,
    shape: readonly [number, number, number, number],
    { kernel, up, down, top, left }: Reach,
  ): Tensor4D => {
    const [n, height, width, inner] = x.shape as [number, number, number, number]
    const y = heap.create<Tensor4D>(shape)
    heap.withScratch(kernels.convolveScratch(kernel[0] * kernel[1], inner), (scratch) => {
      const biasAt = bias === null ? 0 : heap.address(bias)
      const tensors = [heap.address(x), heap.address(weight), biasAt, heap.address(y)] as const
      const [, outHeight, outWidth, out] = shape
      const sizes = [n, height, width, inner, outHeight, outWidth, out, ...kernel] as const
      kernels.convolve(...tensors, scratch, ...sizes, up, down, top, left)
    })
    return y
  }
  return {
    load: async (weight, bias): Promise<WasmConv2d> => ({
      kind: "conv2d",
      shape: weight.shape,
      ...(await packMatrix(heap, kernels, weight, bias, 4)),
    }),
    conv2d(x, weight, { stride, padding }) {
      const { packed, packedBackward, bias, shape } = weight as WasmConv2d
      const [out, inner, kernelHeight, kernelWidth] = shape as [number, number, number, number]
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
      const { shape: inputShape } = x
      return vjp([x], () => ({
        value: convolve(x, packed, bias, [n, outHeight, outWidth, out], forward),
        saved: [],
        gradients: (dy) => [convolve(dy, packedBackward(), null, inputShape, backward)],
      }))
    },
  }
}
