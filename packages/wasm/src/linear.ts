import { type LinearWeight, type Ops, vjp } from "@lllite/core/ops"
import type { Tensor } from "@tensorflow/tfjs-core"
import { WasmOpsError } from "./errors.ts"
import { type PackedMatrix, packMatrix } from "./frozen-weight.ts"
import type { Heap } from "./heap.ts"
import type { Kernels } from "./kernels.ts"

interface WasmLinear extends LinearWeight, PackedMatrix {}

/** Products with frozen weights, and their loader. */
export function createLinear(
  heap: Heap,
  kernels: Kernels,
): { readonly linear: Ops["linear"]; readonly load: Ops["load"]["linear"] } {
  const multiply = (x: Tensor, weight: Tensor, bias: Tensor | null, inner: number, out: number): Tensor => {
    const y = heap.create([...x.shape.slice(0, -1), out])
    heap.withScratch(kernels.linearScratch(), (scratch) => {
      const biasAt = bias === null ? 0 : heap.address(bias)
      const tensors = [heap.address(x), heap.address(weight), biasAt, heap.address(y)] as const
      kernels.linear(...tensors, scratch, x.size / inner, inner, out)
    })
    return y
  }
  return {
    load: async (weight, bias): Promise<WasmLinear> => ({
      kind: "linear",
      shape: weight.shape,
      ...(await packMatrix(heap, kernels, weight, bias, 2)),
    }),
    linear(x, weight) {
      const { packed, packedBackward, bias, shape } = weight as WasmLinear
      const [out, inner] = shape as [number, number]
      if (x.shape[x.rank - 1] !== inner) {
        throw new WasmOpsError("shape", `linear: x is [${x.shape.join(", ")}], expected a last axis of ${inner}.`)
      }
      return vjp([x], () => ({
        value: multiply(x, packed, bias, inner, out),
        saved: [],
        gradients: (dy) => [multiply(dy, packedBackward(), null, out, inner)],
      }))
    },
  }
}
