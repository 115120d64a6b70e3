import { type Ops, vjpSeveral } from "@lllite/core/ops"
import type { Tensor } from "@tensorflow/tfjs-core"
import type { Gpu } from "../gpu.ts"
import type { WebgpuLinear } from "../weights/load.ts"
import type { Factor } from "./factor.ts"
import { oneOf, rowsOf, weightRows, weightTaps } from "./factors.ts"
import { expectWidth, weightInput } from "./linear.ts"
import { runProduct, runProductsApart } from "./run.ts"

/**
 * Layers that read one x. Neighbours of one shape are one dispatch, as many as the device binds. See `Ops.linearEach`.
 */
export function createLinearEach(gpu: Gpu, { linear }: Pick<Ops, "linear">): NonNullable<Ops["linearEach"]> {
  return (x, layers) =>
    alikeRuns(gpu, layers as readonly WebgpuLinear[]).flatMap((run) =>
      run.length === 1 ? run.map((layer) => linear(x, layer)) : together(gpu, x, run),
    )
}

/** Cuts a list where a layer has another shape, or where a dispatch binds no more. */
function alikeRuns({ limits }: Gpu, layers: readonly WebgpuLinear[]): readonly (readonly WebgpuLinear[])[] {
  const runs: WebgpuLinear[][] = []
  for (const layer of layers) {
    const run = runs.at(-1)
    const buffers = 2 + (layer.scales === null ? 0 : 1) + (layer.bias === null ? 0 : 1)
    // The dispatch binds x, too.
    const most = Math.floor((limits.maxStorageBuffersPerShaderStage - 1) / buffers)
    const [first] = run ?? []
    if (run !== undefined && first !== undefined && run.length < most && areAlike(first, layer)) run.push(layer)
    else runs.push([layer])
  }
  return runs
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
  const { format, width, rows } = first
  const [m, count] = [x.size / width, weights.length]
  const shape = [...x.shape.slice(0, -1), rows]
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
      values: runProductsApart<Tensor>(gpu, { m, n: rows, k: width, count }, left, right, {
        ...{ biases, shape, storage: gpu.storageOf(x) },
      }),
      saved: [],
      gradients: (dys) => {
        let dx: Tensor | null = null
        for (const [i, weight] of weights.entries()) {
          const left = { factor: rowsOf("dy", rows), buffers: [dys[i] as Tensor], params: [] }
          const right = weightInput(weight, weightTaps(format, width), [rows, width])
          const result = { shape: x.shape, storage: gpu.storageOf(...dys) }
          dx = runProduct<Tensor>(gpu, { m, n: width, k: rows }, left, right, { plus: dx }, result)
        }
        return [dx as Tensor]
      },
    }
  })
}
