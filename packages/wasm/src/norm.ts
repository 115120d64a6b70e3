import {
  type GroupNormOptions,
  type NormWeight,
  type Ops,
  vjp,
  vjpSeveral,
  type WeightEntry,
  type WeightLoader,
} from "@lllite/core/ops"
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

/** The two passes of a norm. */
interface NormRun<T extends Tensor> {
  readonly forward: () => { readonly y: T; readonly stats: Tensor }
  /** The slope at x. `beside`, a slope at x from elsewhere, is added to it. */
  readonly back: (x: Tensor, stats: Tensor, dy: Tensor, beside: Tensor | null) => Tensor
}

function normed<T extends Tensor>(x: T, { forward, back }: NormRun<T>): T {
  return vjp([x], () => {
    const { y, stats } = forward()
    return { value: y, saved: [x, stats], gradients: (dy, [x, stats]) => [back(x, stats, dy, null)] }
  })
}

/** A norm that gives x, too. The slope there becomes a part of the norm's. */
function normedBeside<T extends Tensor>(x: T, { forward, back }: NormRun<T>): readonly [normed: T, x: T] {
  return vjpSeveral<T, readonly [Tensor, Tensor]>([x], () => {
    const { y, stats } = forward()
    return {
      values: [y, tf.clone(x)],
      saved: [x, stats],
      gradients: ([dy, beside], [x, stats]) => [back(x, stats, dy as T, beside as T)],
    }
  }) as readonly [T, T]
}

/**
 * Norms that read their input three times forward and twice backward. The input is the only large tensor that they
 * save.
 */
export function createNorms(
  heap: Heap,
  kernels: Kernels,
): Required<Pick<Ops, "groupNorm" | "groupNormBeside" | "layerNorm" | "layerNormBeside">> {
  const { address, create, withScratch } = heap
  const addressOf = (tensor: Tensor | null): number => (tensor === null ? 0 : address(tensor))
  const groupRun = (x: Tensor4D, weight: NormWeight, options: GroupNormOptions): NormRun<Tensor4D> => {
    const { scale, shift } = weight as WasmNorm
    const { groups, epsilon, silu } = options
    const [n, h, w, c] = x.shape
    if (c !== scale.shape[0] || c % groups !== 0) {
      throw new WasmOpsError(
        "shape",
        `groupNorm: x is [${x.shape.join(", ")}], expected ${scale.shape[0]} channels, a multiple of ${groups} groups.`,
      )
    }
    return {
      forward() {
        const y = create<Tensor4D>(x.shape)
        const stats = create<Tensor>([n, groups, 2])
        withScratch(kernels.groupNormScratch(c), (scratch) => {
          const tensors = [address(x), address(scale), address(shift), address(y), address(stats)] as const
          kernels.groupNorm(...tensors, scratch, n, h * w, c, groups, epsilon, silu)
        })
        return { y, stats }
      },
      back(x, stats, dy, beside) {
        const dx = create(x.shape)
        withScratch(kernels.groupNormScratch(c), (scratch) => {
          const inputs = [address(x), address(scale), address(shift), address(stats), address(dy)] as const
          const sizes = [n, h * w, c, groups, silu] as const
          kernels.groupNormGradient(...inputs, address(dx), addressOf(beside), scratch, ...sizes)
        })
        return dx
      },
    }
  }
  const layerRun = (x: Tensor, weight: NormWeight, epsilon: number): NormRun<Tensor> => {
    const { scale, shift } = weight as WasmNorm
    const width = scale.shape[0]
    if (x.shape[x.rank - 1] !== width) {
      throw new WasmOpsError("shape", `layerNorm: x is [${x.shape.join(", ")}], expected a last axis of ${width}.`)
    }
    const rows = x.size / width
    return {
      forward() {
        const y = create(x.shape)
        const stats = create<Tensor>([rows, 2])
        const tensors = [address(x), address(scale), address(shift), address(y), address(stats)] as const
        kernels.layerNorm(...tensors, rows, width, epsilon)
        return { y, stats }
      },
      back(x, stats, dy, beside) {
        const dx = create(x.shape)
        const inputs = [address(x), address(scale), address(stats), address(dy)] as const
        kernels.layerNormGradient(...inputs, address(dx), addressOf(beside), rows, width)
        return dx
      },
    }
  }
  return {
    groupNorm: (x, weight, options) => normed(x, groupRun(x, weight, options)),
    groupNormBeside: (x, weight, options) => normedBeside(x, groupRun(x, weight, options)),
    layerNorm: (x, weight, epsilon) => normed(x, layerRun(x, weight, epsilon)),
    layerNormBeside: (x, weight, epsilon) => normedBeside(x, layerRun(x, weight, epsilon)),
  }
}

async function readVector(entry: WeightEntry): Promise<Float32Array> {
  if (entry.shape.length === 1) return toFloat32(await entry.read(), entry.dtype)
  throw new WasmOpsError("weight-shape", `"${entry.name}" is [${entry.shape.join(", ")}], expected 1 dimension.`)
}
