import { type LinearWeight, type Ops, vjp } from "@lllite/core/ops"
import type { Tensor } from "@tensorflow/tfjs-core"
import { WebgpuOpsError } from "../errors.ts"
import type { Gpu } from "../gpu.ts"
import type { WebgpuLinear, WeightRows } from "../weights/load.ts"
import { rowsOf, weightRows, weightTaps } from "./factors.ts"
import { type ProductInput, runProduct } from "./run.ts"

/** Affine map of the last axis. x: [..., in] → [..., out] */
export function createLinear(gpu: Gpu): Ops["linear"] {
  return (x: Tensor, weight: LinearWeight) => {
    const { width, rows } = weight as WebgpuLinear
    if (x.shape[x.rank - 1] !== width) {
      throw new WebgpuOpsError("shape", `linear: x is [${x.shape.join(", ")}], expected a last axis of ${width}`)
    }
    return affine(gpu, x, weight as WebgpuLinear, [...x.shape.slice(0, -1), rows])
  }
}

/** Every row of x, [M, width], times every row of weights. → [M, rows], as a tensor of `shape` */
export function affine<T extends Tensor>(gpu: Gpu, x: Tensor, weight: WeightRows, shape: readonly number[]): T {
  const { format, rows, width, bias } = weight
  const m = x.size / width
  return vjp([x], () => {
    const left = { factor: rowsOf("x", width), buffers: [x], params: [] }
    const right = weightInput(weight, weightRows(format, width), [])
    return {
      value: runProduct<T>(gpu, { m, n: rows, k: width }, left, right, bias, shape),
      saved: [],
      gradients: (dy) => {
        const left = { factor: rowsOf("dy", rows), buffers: [dy], params: [] }
        const right = weightInput(weight, weightTaps(format, width), [rows, width])
        return [runProduct(gpu, { m, n: width, k: rows }, left, right, null, x.shape)]
      },
    }
  })
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
