import { type NormWeight, type Ops, vjp, type WeightEntry, type WeightLoader } from "@lllite/core/ops"
import { toFloat32 } from "@lllite/format"
import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { WasmOpsError } from "./errors.ts"
import type { Heap } from "./heap.ts"
import type { Kernels } from "./kernels.ts"

/** Scale and shift as float32 tensors. */
interface WasmNorm extends NormWeight {
  readonly scale: Tensor1D
  readonly shift: Tensor1D
}

export const loadNorm: WeightLoader["norm"] = async (scale, shift) => {
  const values = [await readVector(scale), await readVector(shift)] as const
  if (values[0].length !== values[1].length) {
    throw new WasmOpsError(
      "weight-shape",
      `"${shift.name}" is [${values[1].length}], expected [${values[0].length}] as "${scale.name}" is`,
    )
  }
  const tensors = values.map((vector) => tf.keep(tf.tensor1d(vector))) as [Tensor1D, Tensor1D]
  const norm: WasmNorm = {
    kind: "norm",
    shape: scale.shape,
    bytes: 8 * values[0].length,
    scale: tensors[0],
    shift: tensors[1],
    dispose: () => tf.dispose(tensors),
  }
  return norm
}

/**
 * Norms that read their input three times forward and twice backward. The input is the only large tensor that they
 * save.
 */
export function createNorms(heap: Heap, kernels: Kernels): Pick<Ops, "groupNorm" | "layerNorm"> {
  const { address, create, withScratch } = heap
  return {
    groupNorm(x, weight, { groups, epsilon, silu }) {
      const { scale, shift } = weight as WasmNorm
      const [n, h, w, c] = x.shape
      if (c !== scale.shape[0] || c % groups !== 0) {
        throw new WasmOpsError(
          "shape",
          `groupNorm: x is [${x.shape.join(", ")}], expected ${scale.shape[0]} channels, a multiple of ${groups} groups.`,
        )
      }
      return vjp([x], () => {
        const y = create<Tensor4D>(x.shape)
        const stats = create<Tensor>([n, groups, 2])
        withScratch(kernels.groupNormScratch(c), (scratch) => {
          const tensors = [address(x), address(scale), address(shift), address(y), address(stats)] as const
          kernels.groupNorm(...tensors, scratch, n, h * w, c, groups, epsilon, silu)
        })
        return {
          value: y,
          saved: [x, stats] as const,
          gradients: (dy, [x, stats]) => {
            const dx = create(x.shape)
            withScratch(kernels.groupNormScratch(c), (scratch) => {
              const inputs = [address(x), address(scale), address(shift), address(stats), address(dy)] as const
              kernels.groupNormGradient(...inputs, address(dx), scratch, n, h * w, c, groups, silu)
            })
            return [dx]
          },
        }
      })
    },
    layerNorm(x, weight, epsilon) {
      const { scale, shift } = weight as WasmNorm
      const width = scale.shape[0]
      if (x.shape[x.rank - 1] !== width) {
        throw new WasmOpsError("shape", `layerNorm: x is [${x.shape.join(", ")}], expected a last axis of ${width}.`)
      }
      const rows = x.size / width
      return vjp([x], () => {
        const y = create(x.shape)
        const stats = create<Tensor>([rows, 2])
        kernels.layerNorm(
          ...([address(x), address(scale), address(shift), address(y), address(stats)] as const),
          ...([rows, width, epsilon] as const),
        )
        return {
          value: y,
          saved: [x, stats] as const,
          gradients: (dy, [x, stats]) => {
            const dx = create(x.shape)
            kernels.layerNormGradient(address(x), address(scale), address(stats), address(dy), address(dx), rows, width)
            return [dx]
          },
        }
      })
    },
  }
}

async function readVector(entry: WeightEntry): Promise<Float32Array> {
  if (entry.shape.length === 1) return toFloat32(await entry.read(), entry.dtype)
  throw new WasmOpsError("weight-shape", `"${entry.name}" is [${entry.shape.join(", ")}], expected 1 dimension.`)
}
