import { type Ops, vjpSeveral } from "@lllite/core/ops"
import type { Tensor } from "@tensorflow/tfjs-core"
import type { Gpu } from "../gpu.ts"
import type { WebgpuLinear } from "../weights/load.ts"
import type { Factor } from "./factor.ts"
import { oneOf, rowsOf, weightRows } from "./factors.ts"
import { expectWidth, slopeWeights } from "./linear.ts"
import { runProduct, runProductsTogether } from "./run.ts"

/**
 * Layers that read one x. Neighbours of one shape are one dispatch, as many as the device binds. See `Ops.linearEach`.
 */
export function createLinearEach(gpu: Gpu, { linear }: Pick<Ops, "linear">): NonNullable<Ops["linearEach"]> {
  return (x, layers) =>
    alikeRuns(gpu, x, layers as readonly WebgpuLinear[]).flatMap((run) =>
      run.length === 1 ? run.map((layer) => linear(x, layer)) : together(gpu, x, run),
    )
}

/** Cuts a list where a layer has another shape, or where a dispatch binds no more. */
function alikeRuns(gpu: Gpu, x: Tensor, layers: readonly WebgpuLinear[]): readonly (readonly WebgpuLinear[])[] {
  const runs: WebgpuLinear[][] = []
  for (const layer of layers) {
    const run = runs.at(-1)
    const [first] = run ?? []
    const alike = run !== undefined && first !== undefined && areAlike(first, layer) ? run : null
    if (alike !== null && alike.length < mostTogether(gpu, x, layer)) alike.push(layer)
    else runs.push([layer])
  }
  return runs
}

/** How many layers of a shape a dispatch takes. It binds x and the results, too. */
function mostTogether(gpu: Gpu, x: Tensor, { rows, scales, bias }: WebgpuLinear): number {
  const buffers = 1 + (scales === null ? 0 : 1) + (bias === null ? 0 : 1)
  const bound = Math.floor((gpu.limits.maxStorageBuffersPerShaderStage - 2) / buffers)
  return Math.min(bound, gpu.mostParts(resultShape(x, rows), gpu.storageOf(x)))
}

function resultShape(x: Tensor, rows: number): readonly number[] {
  return [...x.shape.slice(0, -1), rows]
}

function areAlike(one: WebgpuLinear, other: WebgpuLinear): boolean {
  return (
    one.format === other.format &&
    one.rounds === other.rounds &&
    one.width === other.width &&
    one.rows === other.rows &&
    (one.bias === null) === (other.bias === null)
  )
}

/** Layers of one shape as one dispatch. */
function together(gpu: Gpu, x: Tensor, weights: readonly WebgpuLinear[]): readonly Tensor[] {
  const [first] = weights as readonly [WebgpuLinear, ...WebgpuLinear[]]
  expectWidth("linearEach", x, first)
  const { width, rows } = first
  const [m, count] = [x.size / width, weights.length]
  const shape = resultShape(x, rows)
  return vjpSeveral([x], () => {
    const factors = weights.map((weight, i) => weightRows(weight, width, `${i}`)) as [Factor, ...Factor[]]
    const right = {
      factor: oneOf("z", factors),
      buffers: weights.flatMap(({ values, scales }) => (scales === null ? [values] : [values, scales])),
      params: [],
    }
    const left = { factor: rowsOf("x", width), buffers: [x], params: [] }
    const biases = weights.flatMap(({ bias }) => (bias === null ? [] : [bias]))
    return {
      values: runProductsTogether<Tensor>(gpu, { m, n: rows, k: width, count }, left, right, {
        ...{ biases, shape, storage: gpu.storageOf(x) },
      }),
      saved: [],
      gradients: (dys) => {
        let dx: Tensor | null = null
        for (const [i, weight] of weights.entries()) {
          const left = { factor: rowsOf("dy", rows), buffers: [dys[i] as Tensor], params: [] }
          const right = slopeWeights(gpu, weight, dys[i] as Tensor, width)
          const result = { shape: x.shape, storage: gpu.storageOf(...dys) }
          dx = runProduct<Tensor>(gpu, { m, n: width, k: rows }, left, right, { plus: dx }, result)
        }
        return [dx as Tensor]
      },
    }
  })
}
