import { type Ops, vjp } from "@lllite/core/ops"
import type { Tensor } from "@tensorflow/tfjs-core"
import { WasmOpsError } from "./errors.ts"
import type { Heap } from "./heap.ts"
import type { Kernels } from "./kernels.ts"

/**
 * Products with weights that train. The backend's own products pack a weight before its first use. That saves time only
 * for a frozen weight, since a training weight changes with every step. The backend's gradients also transpose
 * operands.
 */
export function createDense(heap: Heap, kernels: Kernels): Ops["dense"] {
  const { address, create, withScratch } = heap
  return (x, weight, bias, { inputGradient } = { inputGradient: true }) => {
    const [inner, out] = weight.shape as [number, number]
    if (weight.rank !== 2 || x.shape[x.rank - 1] !== inner || (bias !== null && bias.size !== out)) {
      throw new WasmOpsError(
        "shape",
        `dense: x [${x.shape.join(", ")}], weight [${weight.shape.join(", ")}], bias [${bias?.shape.join(", ") ?? "none"}]; ` +
          "expected [..., in], [in, out], [out]",
      )
    }
    const rows = x.size / inner
    const inputs = [inputGradient ? x : null, weight, bias].filter((tensor) => tensor !== null)
    return vjp(inputs, () => {
      const y = create([...x.shape.slice(0, -1), out])
      withScratch(kernels.denseScratch(), (scratch) => {
        const biasAt = bias === null ? 0 : address(bias)
        kernels.dense(address(x), address(weight), biasAt, address(y), scratch, rows, inner, out)
      })
      return {
        value: y,
        saved: [x, weight],
        gradients: (dy, [x, weight]) => {
          const dx = inputGradient ? create(x.shape) : null
          const dWeight = create(weight.shape)
          const dBias = bias === null ? null : create<Tensor>([out])
          const at = (tensor: Tensor | null): number => (tensor === null ? 0 : address(tensor))
          withScratch(kernels.denseGradientScratch(inner, out), (scratch) => {
            const outputs = [at(dx), address(dWeight), at(dBias)] as const
            kernels.denseGradient(address(x), address(weight), address(dy), ...outputs, scratch, rows, inner, out)
          })
          return [dx, dWeight, dBias].filter((tensor) => tensor !== null)
        },
      }
    })
  }
}
