import { type LinearWeight, type Ops, vjp } from "@lllite/core/ops"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { WebgpuOpsError } from "../errors.ts"
import type { Gpu } from "../gpu.ts"
import type { WebgpuLinear, WeightRows } from "../weights/load.ts"
import { rowsOf, weightRows, weightTaps } from "./factors.ts"
import { type ProductInput, runProduct } from "./run.ts"

/** Affine map of the last axis. x: [..., in] → [..., out] */
export function createLinear(gpu: Gpu): Required<Pick<Ops, "linear" | "linearPlus">> {
  const run = (x: Tensor, weight: LinearWeight, plus: Tensor | null): Tensor => {
    expectWidth("linear", x, weight as WebgpuLinear)
    return affine(gpu, x, weight as WebgpuLinear, [...x.shape.slice(0, -1), (weight as WebgpuLinear).rows], { plus })
  }
  return { linear: (x, weight) => run(x, weight, null), linearPlus: run }
}

/** What is added to a layer's result besides its bias. */
export interface LayerAddends<T extends Tensor> {
  /** A tensor of the result's shape, which gets a gradient. */
  readonly plus?: T | null
  /** [samples, rows], which gets none. */
  readonly shift?: Tensor | null
}

/** Every row of x, [M, width], times every row of weights, plus addends. → [M, rows], as a tensor of `shape` */
export function affine<T extends Tensor>(
  gpu: Gpu,
  x: Tensor,
  weight: WeightRows,
  shape: readonly number[],
  { plus = null, shift = null }: LayerAddends<Tensor>,
): T {
  const { rows, width, bias } = weight
  expectPlus("linear", plus, shape)
  expectShift(shift, shape[0] ?? 0, rows)
  const m = x.size / width
  return vjp(plus === null ? [x] : [x, plus], () => {
    const left = { factor: rowsOf("x", width), buffers: [x], params: [] }
    const right = weightInput(weight, weightRows(weight, width), [])
    return {
      value: runProduct<T>(
        gpu,
        { m, n: rows, k: width },
        left,
        right,
        { bias, plus, shift },
        { shape, storage: gpu.storageOf(x) },
      ),
      saved: [],
      gradients: (dy) => {
        const left = { factor: rowsOf("dy", rows), buffers: [dy], params: [] }
        const right = slopeWeights(gpu, weight, dy, width)
        const result = { shape: x.shape, storage: gpu.storageOf(dy) }
        const dx = runProduct(gpu, { m, n: width, k: rows }, left, right, {}, result)
        return plus === null ? [dx] : [dx, tf.clone(dy)]
      },
    }
  })
}

/** @throws WebgpuOpsError if the last axis of x is not what a layer reads */
export function expectWidth(verb: string, x: Tensor, { width }: WeightRows): void {
  if (x.shape[x.rank - 1] === width) return
  throw new WebgpuOpsError("shape", `${verb}: x is [${x.shape.join(", ")}], expected a last axis of ${width}`)
}

/** @throws WebgpuOpsError if the tensor that is added has not the result's shape */
export function expectPlus(verb: string, plus: Tensor | null, shape: readonly number[]): void {
  if (plus === null || (plus.rank === shape.length && plus.shape.every((size, axis) => size === shape[axis]))) return
  throw new WebgpuOpsError(
    "shape",
    `${verb}: the result is [${shape.join(", ")}], and [${plus.shape.join(", ")}] is to be added; expected the same shape`,
  )
}

/** @throws WebgpuOpsError if there is not a value for each sample and channel */
export function expectShift(shift: Tensor | null, samples: number, channels: number): void {
  if (shift === null || (shift.shape[0] === samples && shift.shape[1] === channels && shift.rank === 2)) return
  throw new WebgpuOpsError(
    "shape",
    `conv2dShift: shift is [${shift.shape.join(", ")}], expected [${samples}, ${channels}]`,
  )
}

/**
 * Weights as the right factor of a product with the slopes at a layer's result. It is on subgroup matrices where these
 * slopes are float16 already: float32 may have smaller ones than float16.
 */
export function slopeWeights(gpu: Gpu, weight: WeightRows, slopes: Tensor, channels: number): ProductInput {
  const { format, rows, width } = weight
  const rounds = weight.rounds && gpu.storageOf(slopes) === "f16"
  return weightInput(weight, weightTaps({ format, rounds }, channels), [rows, width])
}

/** Weights as an input of a product. */
export function weightInput(
  weight: WeightRows,
  factor: ProductInput["factor"],
  params: readonly number[],
): ProductInput {
  const { values, scales } = weight
  return { factor, buffers: scales === null ? [values] : [values, scales], params }
}
