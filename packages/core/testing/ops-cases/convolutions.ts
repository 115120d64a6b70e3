import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { conv2dPlus, conv2dShift } from "../../src/ops/joined-verbs.ts"
import type { Padding } from "../../src/ops/ops.ts"
import * as plain from "../plain-ops.ts"
import { doubles, entry, input, type OpsCase, sum, TOLERANCE, values } from "./case.ts"

/** Convolutions with frozen weights. */
export function convolutionCases(): OpsCase[] {
  return [
    convCase("3×3", [2, 7, 9, 5], 6, 3, 1, [1, 1, 1, 1], true),
    convCase("1×1, no bias", [1, 5, 4, 7], 3, 1, 1, [0, 0, 0, 0], false),
    convCase("3×3, stride 2", [1, 8, 10, 4], 5, 3, 2, [1, 1, 1, 1], true),
    convCase("3×3, stride 2, padded below and right", [2, 8, 6, 3], 4, 3, 2, [0, 1, 0, 1], true),
    convCase("4×4, stride 2, odd sides", [1, 9, 11, 3], 2, 4, 2, [1, 1, 1, 1], true),
    convCase("2×2, no padding", [1, 5, 5, 2], 9, 2, 1, [0, 0, 0, 0], true),
    convCase("3×3, plus a tensor", [2, 7, 9, 5], 6, 3, 1, [1, 1, 1, 1], true, true),
    convCase("1×1, no bias, plus a tensor", [1, 5, 4, 8], 12, 1, 1, [0, 0, 0, 0], false, true),
    convShiftCase("3×3, two samples", [2, 5, 7, 5], 6, 3, [1, 1, 1, 1]),
    convShiftCase("3×3, 8 channels", [3, 4, 4, 8], 8, 3, [1, 1, 1, 1]),
    convShiftCase("1×1", [2, 5, 4, 8], 12, 1, [0, 0, 0, 0]),
    convCase("3×3, 16 to 20 channels, odd sides", [5, 7, 9, 16], 20, 3, 1, [1, 1, 1, 1], true),
    convCase("3×3, 20 to 36 channels, uneven padding", [3, 6, 5, 20], 36, 3, 1, [0, 1, 2, 0], false),
    convCase("3×3, 40 to 24 channels, odd pixels", [3, 3, 5, 40], 24, 3, 1, [1, 1, 1, 1], true),
  ]
}

function convCase(
  title: string,
  shape: readonly [number, number, number, number],
  out: number,
  side: number,
  stride: 1 | 2,
  padding: Padding,
  biased: boolean,
  isPlus = false,
): OpsCase {
  const [n, h, w, inner] = shape
  const filter = [out, inner, side, side]
  const weight = values("conv2d weight", filter, 1 / (side * Math.sqrt(inner)))
  const bias = biased ? values("conv2d bias", [out]) : null
  const sizes = { n, h, w, inner, out, kernelHeight: side, kernelWidth: side, stride, padding }
  return {
    name: `conv2d: ${title}`,
    inputs: [input("x", shape), ...(isPlus ? [input("plus", [n, h, w, out])] : [])],
    tolerance: TOLERANCE,
    async prepare(ops) {
      const loaded = await ops.load.conv2d(entry("weight", filter, weight), bias && entry("bias", [out], bias))
      const options = { stride, padding }
      const run = (x: Tensor4D, plus?: Tensor): Tensor =>
        plus === undefined ? ops.conv2d(x, loaded, options) : conv2dPlus(ops, x, loaded, options, plus as Tensor4D)
      return { run: (x, plus) => run(x as Tensor4D, plus), dispose: () => loaded.dispose() }
    },
    expected: (x, plus) => sum(plain.conv2d(x as plain.Values, doubles(weight), bias && doubles(bias), sizes), plus),
  }
}

/** A convolution whose shift is a constant. */
function convShiftCase(
  title: string,
  shape: readonly [number, number, number, number],
  out: number,
  side: number,
  padding: Padding,
): OpsCase {
  const [n, h, w, inner] = shape
  const filter = [out, inner, side, side]
  const weight = values("conv2d weight", filter, 1 / (side * Math.sqrt(inner)))
  const [bias, shift] = [values("conv2d bias", [out]), values("conv2d shift", [n, out])]
  const sizes = { n, h, w, inner, out, kernelHeight: side, kernelWidth: side, stride: 1, padding } as const
  return {
    name: `conv2dShift: ${title}`,
    inputs: [input("x", shape)],
    tolerance: TOLERANCE,
    async prepare(ops) {
      const loaded = await ops.load.conv2d(entry("weight", filter, weight), entry("bias", [out], bias))
      const shiftTensor = tf.tensor2d(shift, [n, out])
      return {
        run: (x) => conv2dShift(ops, x as Tensor4D, loaded, { stride: 1, padding }, shiftTensor),
        dispose() {
          loaded.dispose()
          shiftTensor.dispose()
        },
      }
    },
    expected: (x) =>
      plain
        .conv2d(x as plain.Values, doubles(weight), doubles(bias), sizes)
        .map((value, i) => value + (shift[Math.floor(i / (h * w * out)) * out + (i % out)] as number)),
  }
}
