import { type Ops, vjp } from "@lllite/core/ops"
import type { Gpu } from "./gpu.ts"

/** Tensors whose values are stored in float16, and back. Gradients are float32. See `Ops.narrow`. */
export function createStorage(gpu: Gpu): Required<Pick<Ops, "narrow" | "widen">> {
  return {
    narrow: (x) =>
      vjp([x], () => ({
        value: gpu.stored(x, "f16"),
        saved: [],
        gradients: (dy) => [gpu.stored(dy, "f32")],
      })),
    widen: (x) =>
      vjp([x], () => ({
        value: gpu.stored(x, "f32"),
        saved: [],
        gradients: (dy) => [gpu.stored(dy, "f32")],
      })),
  }
}
