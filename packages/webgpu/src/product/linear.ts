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
    const { width, rows } = weight as WebgpuLinear
    if (x.shape[x.rank - 1] !== width) {
      throw new WebgpuOpsError("shape", `linear: x is [${x.shape.join(", ")}], expected a last axis of ${width}`)
    }
    return affine(gpu, x, weight as WebgpuLinear, [...x.shape.slice(0, -1), rows], plus)
  }
  return { linear: (x, weight) => run(x, weight, null), linearPlus: run }
}

/** Every row of x, [M, width], times every row of weights (+ plus). → [M, rows], as a tensor of `shape` */
export function affine<T extends Tensor>(
  gpu: Gpu,
  x: Tensor,
  weight: WeightRows,
  shape: readonly number[],
  plus: Tensor | null,
): T {
  expectPlus("linear", plus, shape)
  const { format, rows, width, bias } = weight
  const m = x.size / width
  return vjp(plus === null ? [x] : [x, plus], () => {
    const left = { factor: rowsOf("x", width), buffers: [x], params: [] }
    const right = weightInput(weight, weightRows(format, width), [])
    return {
      value: runProduct<T>(gpu, { m, n: rows, k: width }, left, right, { bias, plus }, shape),
      saved: [],
      gradients: (dy) => {
        const left = { factor: rowsOf("dy", rows), buffers: [dy], params: [] }
        const right = weightInput(weight, weightTaps(format, width), [rows, width])
        const dx = runProduct(gpu, { m, n: width, k: rows }, left, right, {}, x.shape)
        return plus === null ? [dx] : [dx, tf.clone(dy)]
      },
    }
  })
}

/** @throws WebgpuOpsError if the tensor that is added has not the result's shape */
export function expectPlus(verb: string, plus: Tensor | null, shape: readonly number[]): void {
  if (plus === null || (plus.rank === shape.length && plus.shape.every((size, axis) => size === shape[axis]))) return
  throw new WebgpuOpsError(
    "shape",
    `${verb}: the result is [${shape.join(", ")}], and [${plus.shape.join(", ")}] is to be added; expected the same shape`,
  )
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
