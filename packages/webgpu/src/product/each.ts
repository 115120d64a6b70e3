import { type LinearWeight, type Ops, vjpSeveral } from "@lllite/core/ops"
import type { Tensor } from "@tensorflow/tfjs-core"
import type { Gpu } from "../gpu.ts"
import type { WebgpuLinear } from "../weights/load.ts"
import type { Factor } from "./factor.ts"
import { oneOf, rowsOf, weightRows, weightTaps } from "./factors.ts"
import { expectWidth, weightInput } from "./linear.ts"
import { runProduct, runProductsApart } from "./run.ts"

/**
 * Layers of one shape that read one x, as one dispatch where the device binds them all. Layers with biases are not
 * joined. See `Ops.linearEach`.
 */
export function createLinearEach(gpu: Gpu, { linear }: Pick<Ops, "linear">): NonNullable<Ops["linearEach"]> {
  return (x, layers) => {
    const weights = layers as readonly WebgpuLinear[]
    const [first] = weights
    if (first === undefined || !areOneDispatch(gpu, weights))
      return layers.map((layer) => linear(x, layer as LinearWeight))
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
      return {
        values: runProductsApart<Tensor>(gpu, { m, n: rows, k: width, count }, left, right, shape),
        saved: [],
        gradients: (dys) => {
          let dx: Tensor | null = null
          for (const [i, weight] of weights.entries()) {
            const left = { factor: rowsOf("dy", rows), buffers: [dys[i] as Tensor], params: [] }
            const right = weightInput(weight, weightTaps(format, width), [rows, width])
            dx = runProduct<Tensor>(gpu, { m, n: width, k: rows }, left, right, { plus: dx }, x.shape)
          }
          return [dx as Tensor]
        },
      }
    })
  }
}

function areOneDispatch({ limits }: Gpu, weights: readonly WebgpuLinear[]): boolean {
  const [first] = weights
  const buffers = 1 + weights.length * (first?.scales == null ? 2 : 3)
  return (
    weights.length > 1 &&
    buffers <= limits.maxStorageBuffersPerShaderStage &&
    weights.every(
      ({ format, rounds, width, rows, bias }) =>
        format === first?.format &&
        rounds === first.rounds &&
        width === first.width &&
        rows === first.rows &&
        bias === null,
    )
  )
}
