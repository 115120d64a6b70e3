import { type AttentionOptions, type Ops, type QueryKeyValue, vjp } from "@lllite/core/ops"
import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import { WasmOpsError } from "./errors.ts"
import type { Heap } from "./heap.ts"
import type { Kernels } from "./kernels.ts"

/** The two passes of an attention. */
export interface AttentionRun {
  readonly forward: (
    qkv: QueryKeyValue<Tensor3D>,
    options: AttentionOptions,
  ) => { readonly y: Tensor3D; readonly stats: Tensor }
  /** The slopes at q, and at k and v where the options ask for them. */
  readonly back: (
    qkv: QueryKeyValue<Tensor3D>,
    stats: Tensor,
    dy: Tensor,
    options: AttentionOptions,
  ) => readonly Tensor3D[]
}

/**
 * Attention that reads the heads in place, without transposed copies. Scores are computed for 32 queries at a time, so
 * memory grows only with the keys. The backward pass computes the probabilities again.
 */
export function createAttentionRun(heap: Heap, kernels: Kernels): AttentionRun {
  const { address, create, withScratch } = heap
  const sizesOf = ([q, k, v]: QueryKeyValue<Tensor3D>, { heads, causal }: AttentionOptions): Sizes => {
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
    return [n, heads, tokens, keys, dim, causal]
  }
  return {
    forward(qkv, options) {
      const sizes = sizesOf(qkv, options)
      const [n, heads, tokens, keys, dim] = sizes
      const y = create<Tensor3D>(qkv[0].shape)
      const stats = create<Tensor>([n, heads, tokens, 2])
      withScratch(kernels.attentionScratch(keys, dim), (scratch) => {
        const [q, k, v] = qkv.map(address) as [number, number, number]
        kernels.attention(q, k, v, address(y), address(stats), scratch, ...sizes)
      })
      return { y, stats }
    },
    back(qkv, stats, dy, options) {
      const sizes = sizesOf(qkv, options)
      const [, , , keys, dim] = sizes
      const wanted = options.keysGradient === false ? qkv.slice(0, 1) : qkv
      const slopes = wanted.map(({ shape }) => create<Tensor3D>(shape))
      withScratch(kernels.attentionGradientScratch(keys, dim), (scratch) => {
        const [q, k, v] = qkv.map(address) as [number, number, number]
        const [dq = 0, dk = 0, dv = 0] = slopes.map(address)
        kernels.attentionGradient(q, k, v, address(stats), address(dy), dq, dk, dv, scratch, ...sizes)
      })
      return slopes
    },
  }
}

type Sizes = readonly [n: number, heads: number, tokens: number, keys: number, dim: number, causal: boolean]

/** Attention as an op. */
export function createAttention({ forward, back }: AttentionRun): Ops["attention"] {
  return (q, k, v, options) =>
    vjp(options.keysGradient === false ? [q] : [q, k, v], () => {
      const { y, stats } = forward([q, k, v], options)
      return {
        value: y,
        saved: [q, k, v, stats] as const,
        gradients: (dy, [q, k, v, stats]) => [...back([q, k, v], stats, dy, options)],
      }
    })
}
