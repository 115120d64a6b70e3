import { type Ops, vjp } from "@lllite/core"
import type { Tensor } from "@tensorflow/tfjs-core"
import { WasmOpsError } from "./errors.ts"
import type { Heap } from "./heap.ts"
import type { Kernels } from "./kernels.ts"

/**
 * Products with weights that train. The backend's own products pack a weight before its first use, which pays for a
 * frozen one and is lost on one that changes with every step; and its gradients turn operands first.
 */
export function createDense(heap: Heap, kernels: Kernels): Ops["dense"] {
  const { address, create, withScratch } = heap
  return (x, weight, bias) => {
    const [inner, out] = weight.shape as [number, number]
    if (weight.rank !== 2 || x.shape[x.rank - 1] !== inner || (bias !== null && bias.size !== out)) {
      throw new WasmOpsError(
        `dense: x [${x.shape.join(", ")}], weight [${weight.shape.join(", ")}], bias [${bias?.shape.join(", ") ?? "none"}]; ` +
          "expected [..., in], [in, out], [out]",
      )
    }
    const rows = x.size / inner
    return vjp(bias === null ? [x, weight] : [x, weight, bias], () => {
      const y = create([...x.shape.slice(0, -1), out])
      withScratch(kernels.denseScratch(), (scratch) => {
        const biasAt = bias === null ? 0 : address(bias)
        kernels.dense(address(x), address(weight), biasAt, address(y), scratch, rows, inner, out)
      })
      return {
        value: y,
        saved: [x, weight],
        gradients: (dy, [x, weight]) => {
          const dx = create(x.shape)
          const dWeight = create(weight.shape)
          const dBias = bias === null ? null : create<Tensor>([out])
          withScratch(kernels.denseGradientScratch(inner, out), (scratch) => {
            const biasAt = dBias === null ? 0 : address(dBias)
            const outputs = [address(dx), address(dWeight), biasAt] as const
            kernels.denseGradient(address(x), address(weight), address(dy), ...outputs, scratch, rows, inner, out)
          })
          return dBias === null ? [dx, dWeight] : [dx, dWeight, dBias]
        },
      }
    })
  }
}
