import type { AttentionOptions, Ops, QueryKeyValue } from "@lllite/core/ops"
import { vjp } from "@lllite/core/ops"
import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import { floatWord } from "../device/commands.ts"
import { WebgpuOpsError } from "../errors.ts"
import type { Gpu, KernelBuffer } from "../gpu.ts"
import type { Storage } from "../wgsl/module.ts"
import { type AttentionResult, attentionKernel, MAX_DIM, rowsOfGroup } from "./kernel.ts"
import { attentionTileOf, matrixAttentionKernel } from "./matrix-kernel.ts"
import { rowsOfTile } from "./matrix-parts.ts"
import { type MatrixSlopes, matrixSlopesKernel, slopesTileOf } from "./matrix-slopes.ts"

/** How attention computes. */
export interface AttentionPrecision {
  /**
   * Whether queries, keys, values and probabilities are rounded to float16 where the device has matrices for them. So are
   * slopes, where those at the result are stored in float16.
   */
  readonly rounds: boolean
}

/**
 * softmax(q kᵀ / √d) v by heads, without a copy of them. Scores are never in memory. The gradients compute them anew.
 * q: [N, T, heads·d], k and v: [N, S, heads·d] → [N, T, heads·d]
 */
export function createAttention(gpu: Gpu, precision: AttentionPrecision): Ops["attention"] {
  return (q, k, v, options) => {
    const [n, tokens, width] = q.shape
    const [samples, keys] = k.shape
    const { heads, keysGradient = true } = options
    const fits = k.shape[2] === width && samples === n && v.shape.every((size, axis) => size === k.shape[axis])
    if (!Number.isInteger(width / heads) || !fits) {
      throw new WebgpuOpsError(
        "shape",
        `attention: q [${q.shape.join(", ")}], k [${k.shape.join(", ")}], v [${v.shape.join(", ")}] with ${heads} heads; ` +
          "expected the same samples and width, a multiple of the heads, and as many keys as values",
      )
    }
    const run = attentionOf(gpu, { n, tokens, keys, width }, { ...options, ...precision })
    return vjp(keysGradient ? [q, k, v] : [q], () => {
      const { y, logSum } = run.forward([q, k, v], gpu.storageOf(q))
      return {
        value: y,
        saved: [q, k, v, y, logSum] as const,
        gradients: (dy, [q, k, v, y, logSum]) => {
          const storage = gpu.storageOf(dy)
          const dq = gpu.create(q.shape, storage)
          const others = keysGradient ? ([gpu.create(k.shape, storage), gpu.create(v.shape, storage)] as const) : null
          run.backward([q, k, v], { y, logSum, dy }, dq, others)
          return [dq, ...(others ?? [])]
        },
      }
    })
  }
}

/** Shapes of an attention: samples, queries, keys, and the width of all heads together. */
export interface AttentionSizes {
  readonly n: number
  readonly tokens: number
  readonly keys: number
  readonly width: number
}

/** The dispatches of an attention. */
export interface AttentionRun {
  /** The result in a storage, and what the slopes need of it. */
  forward(qkv: QueryKeyValue<KernelBuffer>, storage: Storage): { readonly y: Tensor3D; readonly logSum: Tensor }
  /** Writes the slopes at queries, and at keys and values. Null: not at these. */
  backward(
    qkv: QueryKeyValue<KernelBuffer>,
    result: { readonly y: Tensor; readonly logSum: Tensor; readonly dy: Tensor },
    dq: KernelBuffer,
    others: readonly [dk: KernelBuffer, dv: KernelBuffer] | null,
  ): void
}

/** @throws WebgpuOpsError for heads that are too wide */
export function attentionOf(
  gpu: Gpu,
  { n, tokens, keys, width }: AttentionSizes,
  { heads, causal, rounds }: AttentionOptions & AttentionPrecision,
): AttentionRun {
  const dim = width / heads
  if (dim > MAX_DIM) throw new WebgpuOpsError("width-limit", `attention: heads of ${dim}, expected at most ${MAX_DIM}`)
  const params = [heads, tokens, keys, floatWord(1 / Math.sqrt(dim))]
  const run = (result: AttentionResult, buffers: readonly KernelBuffer[], count: number): void => {
    const rows = rowsFor(dim, count)
    const groups = n * heads * Math.ceil(count / rowsOfGroup(rows))
    gpu.run(attentionKernel({ result, dim, causal, rows }), buffers, params, groups)
  }
  const unit = rounds && !causal ? gpu.features.matrices : null
  const tile = unit === null ? null : attentionTileOf(unit, gpu.limits, dim)
  const slopesTile = unit === null ? null : slopesTileOf(unit, gpu.limits, dim)
  return {
    forward(qkv, storage) {
      const y = gpu.create<Tensor3D>([n, tokens, width], storage)
      const logSum = gpu.create<Tensor>([n, heads, tokens])
      const buffers = [...qkv, y, logSum]
      if (unit === null || tile === null) run("y", buffers, tokens)
      else {
        const groups = n * heads * Math.ceil(tokens / rowsOfTile(unit, tile))
        gpu.run(matrixAttentionKernel(unit, tile, dim), buffers, params, groups)
      }
      return { y, logSum }
    },
    backward([q, k, v], { y, logSum, dy }, dq, others) {
      // The slopes at queries also write what those at keys read.
      const along = gpu.create<Tensor>([n, heads, tokens])
      // Slopes in float32 may be too small for float16.
      const isOnMatrices = gpu.storageOf(dy) === "f16"
      const slopes = (result: MatrixSlopes, buffers: readonly KernelBuffer[], count: number): void => {
        if (unit === null || slopesTile === null || !isOnMatrices) {
          run(result, buffers, count)
          return
        }
        const groups = n * heads * Math.ceil(count / rowsOfTile(unit, slopesTile))
        gpu.run(matrixSlopesKernel(result, unit, slopesTile, dim), buffers, params, groups)
      }
      slopes("dq", [q, k, v, dy, logSum, y, dq, along], tokens)
      if (others !== null) {
        const [dk, dv] = others
        slopes("dkv", [q, k, v, dy, logSum, along, dk, dv], keys)
      }
      along.dispose()
    },
  }
}

/** Rows for each invocation: as many as registers hold, and at most the number of rows. */
function rowsFor(dim: number, count: number): number {
  const held = dim <= 80 ? 4 : dim <= 160 ? 2 : 1
  return count <= rowsOfGroup(1) ? 1 : count <= rowsOfGroup(2) ? Math.min(held, 2) : held
}
