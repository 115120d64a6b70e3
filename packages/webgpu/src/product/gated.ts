import { type LinearWeight, type Ops, vjp } from "@lllite/core/ops"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { gegluSlopes } from "../activation.ts"
import type { Gpu } from "../gpu.ts"
import type { WebgpuLinear } from "../weights/load.ts"
import { gated } from "./epilogue.ts"
import { gatedRows, rowsOf, weightRows } from "./factors.ts"
import { expectWidth, slopeWeights, weightInput } from "./linear.ts"
import { dispatchProduct, runProduct } from "./run.ts"

/**
 * GEGLU of a linear layer, in the layer's product. Its wide result is written only where a gradient needs it. See
 * `Ops.linearGeglu`.
 */
export function createLinearGeglu(
  gpu: Gpu,
  { linear, geglu }: Pick<Ops, "linear" | "geglu">,
): NonNullable<Ops["linearGeglu"]> {
  return (x: Tensor, layer: LinearWeight) => {
    const weight = layer as WebgpuLinear
    const { width, rows, bias } = weight
    if (rows % 4 !== 0) return geglu(linear(x, layer))
    expectWidth("linearGeglu", x, weight)
    const outer = x.shape.slice(0, -1)
    const m = x.size / width
    const isTaped = tf.engine().state.gradientDepth > 0
    return vjp([x], () => {
      const storage = gpu.storageOf(x)
      const y = gpu.create([...outer, rows / 2], storage)
      const sums = isTaped ? [gpu.create([...outer, rows], storage)] : []
      dispatchProduct(
        ...([gpu, { m, n: rows, k: width }] as const),
        { factor: rowsOf("x", width), buffers: [x], params: [] },
        weightInput(weight, gatedRows(weightRows(weight, width)), []),
        {
          epilogue: gated({ bias: bias !== null, kept: isTaped }),
          buffers: [...(bias === null ? [] : [bias]), y, ...sums],
        },
      )
      return {
        value: y,
        saved: sums,
        gradients: (dy, sums) => {
          const dh = gegluSlopes(gpu, sums[0] as Tensor, dy)
          const left = { factor: rowsOf("dy", rows), buffers: [dh], params: [] }
          const right = slopeWeights(gpu, weight, dh, width)
          const result = { shape: x.shape, storage: gpu.storageOf(dh) }
          return [runProduct(gpu, { m, n: width, k: rows }, left, right, {}, result)]
        },
      }
    })
  }
}
