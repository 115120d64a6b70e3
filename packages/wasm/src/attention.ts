import { type Ops, vjp } from "@lllite/core/ops"
import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import { WasmOpsError } from "./errors.ts"
import type { Heap } from "./heap.ts"
import type { Kernels } from "./kernels.ts"

/**
 * Attention that reads the heads in place, without transposed copies. Scores are computed for 32 queries at a time, so
 * memory grows only with the keys. The backward pass computes the probabilities again.
 */
export function createAttention(heap: Heap, kernels: Kernels): Ops["attention"] {
  const { address, create, withScratch } = heap
  return (q, k, v, { heads, causal, keysGradient = true }) => {
    const [n, tokens, width] = q.shape
    const [samples, keys] = k.shape
    const dim = width / heads
    const fits = k.shape[2] === width && samples === n && v.shape.every((size, axis) => size === k.shape[axis])
    if (!Number.isInteger(dim) || !fits) {
      throw new WasmOpsError(
        "shape",
        `attention: q [${q.shape.join(", ")}], k [${k.shape.join(", ")}], v [${v.shape.join(", ")}] with ${heads} heads; ` +
          "expected the same samples and width, a width that is a multiple of the heads, and as many keys as values.",
      )
    }
    return vjp(keysGradient ? [q, k, v] : [q], () => {
      const y = create<Tensor3D>(q.shape)
      const stats = create<Tensor>([n, heads, tokens, 2])
      withScratch(kernels.attentionScratch(keys, dim), (scratch) => {
        const [into, statsAt] = [address(y), address(stats)]
        const sizes = [n, heads, tokens, keys, dim, causal] as const
        kernels.attention(address(q), address(k), address(v), into, statsAt, scratch, ...sizes)
      })
      return {
        value: y,
        saved: [q, k, v, stats] as const,
        gradients: (dy, [q, k, v, stats]) => {
          const dq = create(q.shape)
          const ofKeys = keysGradient ? [create(k.shape), create(v.shape)] : []
          withScratch(kernels.attentionGradientScratch(keys, dim), (scratch) => {
            const inputs = [address(q), address(k), address(v), address(stats), address(dy)] as const
            const [dk = 0, dv = 0] = ofKeys.map(address)
            const outputs = [address(dq), dk, dv] as const
            kernels.attentionGradient(...inputs, ...outputs, scratch, n, heads, tokens, keys, dim, causal)
          })
          return [dq, ...ofKeys]
        },
      }
    })
  }
}
