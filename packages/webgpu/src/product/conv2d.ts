import { type Conv2dOptions, type Conv2dWeight, type Ops, vjp } from "@lllite/core/ops"
import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { WebgpuOpsError } from "../errors.ts"
import type { Gpu } from "../gpu.ts"
import type { WebgpuConv2d } from "../weights/load.ts"
import { patchesOf, seenBy, weightRows } from "./factors.ts"
import { affine, expectPlus, expectShift, type LayerAddends, slopeWeights, weightInput } from "./linear.ts"
import { runProduct } from "./run.ts"

/**
 * Convolution as a product with its windows' values, which are never written to memory. The gradient at a pixel is a
 * product with the slopes of the windows that contain it.
 * x: [N, H, W, Cin] → [N, H', W', Cout]
 */
export function createConv2d(gpu: Gpu): Required<Pick<Ops, "conv2d" | "conv2dPlus" | "conv2dShift">> {
  const run = (
    x: Tensor4D,
    weight: Conv2dWeight,
    { stride, padding }: Conv2dOptions,
    { plus = null, shift = null }: LayerAddends<Tensor4D>,
  ): Tensor4D => {
    const kernel = weight as WebgpuConv2d
    const { kernelHeight, kernelWidth, inner, rows, bias } = kernel
    const [n, height, width, channels] = x.shape
    const [top, bottom, left, right] = padding
    const heightOut = Math.floor((height + top + bottom - kernelHeight) / stride) + 1
    const widthOut = Math.floor((width + left + right - kernelWidth) / stride) + 1
    if (channels !== inner || heightOut < 1 || widthOut < 1) {
      throw new WebgpuOpsError(
        "shape",
        `conv2d: x is [${x.shape.join(", ")}], expected ${inner} channels and room for a kernel of ` +
          `${kernelHeight}×${kernelWidth}`,
      )
    }
    const shape = [n, heightOut, widthOut, rows]
    const taps = kernelHeight * kernelWidth
    if (taps === 1 && stride === 1 && padding.every((side) => side === 0)) {
      return affine(gpu, x, kernel, shape, { plus, shift })
    }
    expectPlus("conv2d", plus, shape)
    expectShift(shift, n, rows)
    const sizes = (counted: number): number[] => [
      height,
      width,
      counted,
      heightOut,
      widthOut,
      kernelWidth,
      stride,
      top,
      left,
    ]
    return vjp(plus === null ? [x] : [x, plus], () => {
      const seen = { factor: patchesOf(inner), buffers: [x], params: sizes(inner) }
      const forward = { m: n * heightOut * widthOut, n: rows, k: taps * inner }
      return {
        value: runProduct<Tensor4D>(
          gpu,
          forward,
          seen,
          weightInput(kernel, weightRows(kernel, taps * inner), []),
          { bias, plus, shift },
          { shape, storage: gpu.storageOf(x) },
        ),
        saved: [],
        gradients: (dy) => {
          const slopes = { factor: seenBy(rows), buffers: [dy], params: sizes(rows) }
          const transposed = slopeWeights(gpu, kernel, dy, inner)
          const back = { m: n * height * width, n: inner, k: taps * rows }
          const dx = runProduct(gpu, back, slopes, transposed, {}, { shape: x.shape, storage: gpu.storageOf(dy) })
          return plus === null ? [dx] : [dx, tf.clone(dy)]
        },
      }
    })
  }
  return {
    conv2d: (x, weight, options) => run(x, weight, options, {}),
    conv2dPlus: (x, weight, options, plus) => run(x, weight, options, { plus }),
    conv2dShift: (x, weight, options, shift) => run(x, weight, options, { shift }),
  }
}
