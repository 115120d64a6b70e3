import { type Ops, vjp } from "@lllite/core/ops"
import type { Tensor } from "@tensorflow/tfjs-core"
import type { Gpu } from "./gpu.ts"
import type { Storage } from "./wgsl/module.ts"

/**
 * Tensors whose values are stored in float16, and back. Verbs store slopes at their inputs as those at their results. So
 * slopes are in float16 where values are. See `Ops.narrow`.
 */
export function createStorage(gpu: Gpu): Required<Pick<Ops, "narrow" | "widen">> {
  const copied =
    (there: Storage, back: Storage) =>
    <T extends Tensor>(x: T): T =>
      vjp([x], () => ({
        value: gpu.stored(x, there),
        saved: [],
        gradients: (dy) => [gpu.stored(dy, back)],
      }))
  return { narrow: copied("f16", "f32"), widen: copied("f32", "f16") }
}
