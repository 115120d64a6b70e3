import { type AttentionOptions, type LinearWeight, type Ops, type QueryKeyValue, vjp } from "@lllite/core/ops"
import type { Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import { WebgpuOpsError } from "../errors.ts"
import type { Gpu, TensorPart } from "../gpu.ts"
import type { Factor } from "../product/factor.ts"
import { joinedRowsOf, oneOf, rowsOf, stackedRowsOf, weightRows, weightTaps } from "../product/factors.ts"
import { type ProductInput, runProduct, runProductsApart } from "../product/run.ts"
import type { WebgpuLinear } from "../weights/load.ts"
import { type AttentionPrecision, attentionOf } from "./attention.ts"

/**
 * Attention of tokens to each other, with the layers of queries, keys and values before it. Their three products are one
 * dispatch, and so are the three of the gradients. See `Ops.selfAttention`.
 */
export function createSelfAttention(
  gpu: Gpu,
  { linear, attention }: Pick<Ops, "linear" | "attention">,
  precision: AttentionPrecision,
): NonNullable<Ops["selfAttention"]> {
  return (xs, layers, options) => {
    const weights = layers as QueryKeyValue<WebgpuLinear>
    expectInputs(xs, weights, options)
    if (fitsOneDispatch(gpu, xs, weights)) return joined(gpu, xs, weights, { ...options, ...precision })
    const [q, k, v] = xs.map((x, i) => linear(x, layers[i] as LinearWeight)) as [Tensor3D, Tensor3D, Tensor3D]
    return attention(q, k, v, options)
  }
}

function expectInputs(
  xs: QueryKeyValue<Tensor3D>,
  weights: QueryKeyValue<WebgpuLinear>,
  { heads }: AttentionOptions,
): void {
  const [first, ...others] = xs
  const [{ width, rows }] = weights
  const isOneShape = others.every(({ shape }) => shape.every((size, axis) => size === first.shape[axis]))
  const isOneLayer = weights.every((weight) => weight.width === width && weight.rows === rows)
  if (isOneShape && isOneLayer && first.shape[2] === width && Number.isInteger(rows / heads)) return
  throw new WebgpuOpsError(
    "shape",
    `selfAttention: x is [${xs.map(({ shape }) => shape.join(", ")).join("], [")}], layers are ` +
      `[${weights.map((weight) => `${weight.rows}, ${weight.width}`).join("], [")}], with ${heads} heads; expected ` +
      "inputs of one shape [N, T, C], and layers of one shape [a multiple of the heads, C]",
  )
}

/** Whether the device can bind all buffers of the three products at once. Biases are not joined. */
function fitsOneDispatch(gpu: Gpu, xs: QueryKeyValue<Tensor3D>, weights: QueryKeyValue<WebgpuLinear>): boolean {
  const { limits } = gpu
  const [{ format, rounds, rows, scales }] = weights
  const [{ shape }] = xs
  const bytes = (gpu.storageOf(...xs) === "f16" ? 2 : 4) * shape[0] * shape[1] * rows
  const buffers = distinct(xs).length + (scales === null ? 3 : 6) + 1
  return (
    weights.every((weight) => weight.format === format && weight.rounds === rounds && weight.bias === null) &&
    buffers <= limits.maxStorageBuffersPerShaderStage &&
    bytes % limits.minStorageBufferOffsetAlignment === 0 &&
    3 * bytes <= Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize)
  )
}

/** The one tensor that all layers read, or one for each. */
function distinct(xs: QueryKeyValue<Tensor3D>): readonly [Tensor3D, ...Tensor3D[]] {
  const [first] = xs
  return xs.every((x) => x === first) ? [first] : xs
}

function joined(
  gpu: Gpu,
  xs: QueryKeyValue<Tensor3D>,
  weights: QueryKeyValue<WebgpuLinear>,
  options: AttentionOptions & AttentionPrecision,
): Tensor3D {
  const inputs = distinct(xs)
  const [{ format, rounds, width, rows }] = weights
  const [n, tokens] = inputs[0].shape
  const m = n * tokens
  const run = attentionOf(gpu, { n, tokens, keys: tokens, width: rows }, options)
  const weightBuffers = weights.flatMap(({ values, scales }) => (scales === null ? [values] : [values, scales]))
  const storage = gpu.storageOf(...inputs)
  return vjp(inputs, () => {
    const [first, ...more] = inputs.map((_, i) => rowsOf(`x${i}`, width)) as [Factor, ...Factor[]]
    const left = { factor: oneOf("z", [first, ...more]), buffers: inputs, params: [] }
    const right = {
      ...{ factor: oneOf("z", MARKS.map((mark) => weightRows(weights[0], width, mark)) as [Factor, Factor, Factor]) },
      ...{ buffers: weightBuffers, params: [] },
    }
    const qkv = runProduct<Tensor4D>(
      gpu,
      { m, n: rows, k: width, count: 3 },
      left,
      right,
      {},
      {
        ...{ shape: [3, n, tokens, rows], storage },
      },
    )
    const { y, logSum } = run.forward(thirds(qkv), storage)
    return {
      value: y,
      saved: [qkv, y, logSum] as const,
      gradients: (dy, [qkv, y, logSum]) => {
        const result = { shape: inputs[0].shape, storage: gpu.storageOf(dy) }
        const slopes = gpu.create<Tensor4D>(qkv.shape, result.storage)
        const [dq, dk, dv] = thirds(slopes)
        run.backward(thirds(qkv), { y, logSum, dy }, dq, [dk, dv])
        // As `slopeWeights` of one layer.
        const own = { format, rounds: rounds && result.storage === "f16" }
        const taps = MARKS.map((mark) => weightTaps(own, width, mark)) as [Factor, Factor, Factor]
        const transposed = (factor: Factor): ProductInput => ({ factor, buffers: weightBuffers, params: [rows, width] })
        if (inputs.length > 1) {
          const left = { factor: stackedRowsOf("dy", rows, "p.m"), buffers: [slopes], params: [] }
          const sizes = { m, n: width, k: rows, count: 3 }
          return [...runProductsApart(gpu, sizes, left, transposed(oneOf("z", taps)), result)]
        }
        // The sum over the three layers is a part of the product's own sum.
        const left = { factor: joinedRowsOf("dy", rows, "p.m", "each"), buffers: [slopes], params: [rows] }
        const right = transposed(oneOf("inner / p.outs", taps, "inner % p.outs"))
        return [runProduct(gpu, { m, n: width, k: 3 * rows }, left, right, {}, result)]
      },
    }
  })
}

/** What tells the three layers' buffers apart. */
const MARKS = ["0", "1", "2"] as const

/** Queries, keys and values that follow each other. */
function thirds(tensor: Tensor4D): QueryKeyValue<TensorPart> {
  const part = (index: number): TensorPart => ({ tensor, index, count: 3 })
  return [part(0), part(1), part(2)]
}
