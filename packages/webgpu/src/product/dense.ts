import { type DenseOptions, type Ops, vjp } from "@lllite/core/ops"
import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { KernelSource } from "../device/commands.ts"
import { WebgpuOpsError } from "../errors.ts"
import type { Gpu } from "../gpu.ts"
import { wgslModule } from "../wgsl/module.ts"
import { columnsOf, joinedRowsOf, rowsOf, stackedColumnsOf, stackedRowsOf } from "./factors.ts"
import { runProduct } from "./run.ts"

/**
 * Affine map with weights that train. The windows of LLLite's convolutions do not overlap, so these convolutions are
 * affine maps of patches. Their filters' gradient is computed here, too.
 *
 * x: [..., in], weight: [in, out], bias: [out] or none → [..., out]
 */
export function createDense(gpu: Gpu): Ops["dense"] {
  // If x depends on no tensor that needs a gradient, its gradient is not computed.
  return (x, weight, bias, { inputGradient }: { readonly inputGradient: boolean } = { inputGradient: true }) => {
    const [inner, out] = weight.shape as [number, number]
    if (weight.rank !== 2 || x.shape[x.rank - 1] !== inner || (bias !== null && bias.size !== out)) {
      throw new WebgpuOpsError(
        "shape",
        `dense: x [${x.shape.join(", ")}], weight [${weight.shape.join(", ")}], bias ` +
          `[${bias?.shape.join(", ") ?? "none"}]; expected [..., in], [in, out], [out]`,
      )
    }
    const rows = x.size / inner
    const inputs = [inputGradient ? x : null, weight, bias].filter((tensor) => tensor !== null)
    return vjp(inputs, () => {
      const left = { factor: rowsOf("x", inner), buffers: [x], params: [] }
      const right = { factor: columnsOf("weight", out, "p.n"), buffers: [weight], params: [] }
      const shape = [...x.shape.slice(0, -1), out]
      return {
        value: runProduct(gpu, { m: rows, n: out, k: inner }, left, right, { bias }, { shape }),
        saved: [x, weight],
        gradients: (dy, [x, weight]) => {
          const dx = (): Tensor =>
            runProduct(
              ...([gpu, { m: rows, n: inner, k: out }] as const),
              { factor: rowsOf("dy", out), buffers: [dy], params: [] },
              { factor: rowsOf("weight", out), buffers: [weight], params: [] },
              ...([{}, { shape: x.shape, storage: gpu.storageOf(dy) }] as const),
            )
          const dWeight = (): Tensor =>
            runProduct(
              ...([gpu, { m: inner, n: out, k: rows }] as const),
              { factor: columnsOf("x", inner, "p.m"), buffers: [x], params: [] },
              { factor: columnsOf("dy", out, "p.n"), buffers: [dy], params: [] },
              ...([{}, { shape: weight.shape }] as const),
            )
          const dBias = bias === null ? [] : [columnSums(gpu, dy, out)]
          return [...(inputGradient ? [dx()] : []), dWeight(), ...dBias]
        },
      }
    })
  }
}

/**
 * Several affine maps of one shape side by side, which read one x or one each. x: [1 or count, rows, in], weight:
 * [count, in, out], bias: [count · out] → [count, rows, out]
 */
export function createDenseStack(gpu: Gpu): NonNullable<Ops["denseStack"]> {
  return (x, { weight, bias }, { inputGradient }: DenseOptions = { inputGradient: true }) => {
    const [count, inner, out] = weight.shape
    const [read, rows] = x.shape
    if (x.shape[2] !== inner || (read !== 1 && read !== count) || bias.size !== count * out) {
      throw new WebgpuOpsError(
        "shape",
        `denseStack: x [${x.shape.join(", ")}], weight [${weight.shape.join(", ")}], bias [${bias.shape.join(", ")}]; ` +
          "expected [1 or count, rows, in], [count, in, out], [count · out]",
      )
    }
    const isShared = read === 1
    return vjp(inputGradient ? [x, weight, bias] : [weight, bias], () => {
      const left = isShared ? rowsOf("x", inner) : stackedRowsOf("x", inner, "p.m")
      return {
        value: runProduct<Tensor3D>(
          ...([gpu, { m: rows, n: out, k: inner, count }] as const),
          { factor: left, buffers: [x], params: [] },
          { factor: stackedColumnsOf("weight", out, "p.n"), buffers: [weight], params: [] },
          ...([{ bias }, { shape: [count, rows, out] }] as const),
        ),
        saved: [x, weight],
        gradients: (dy, [x, weight]) => {
          const columns = isShared ? columnsOf("x", inner, "p.m") : stackedColumnsOf("x", inner, "p.m")
          const dWeight = runProduct(
            ...([gpu, { m: inner, n: out, k: rows, count }] as const),
            { factor: columns, buffers: [x], params: [] },
            { factor: stackedColumnsOf("dy", out, "p.n"), buffers: [dy], params: [] },
            ...([{}, { shape: weight.shape }] as const),
          )
          const dBias = tf.reshape(stackedColumnSums(gpu, dy, [count, out]), bias.shape)
          return [
            ...(inputGradient ? [stackSlopes(gpu, dy as Tensor3D, weight as Tensor3D, isShared)] : []),
            dWeight,
            dBias,
          ]
        },
      }
    })
  }
}

/** The slopes at a stack's inputs. Where all layers read one, its sum over the layers is a part of the product's sum. */
function stackSlopes(gpu: Gpu, dy: Tensor3D, weight: Tensor3D, isShared: boolean): Tensor {
  const [count, rows, out] = dy.shape
  const inner = weight.shape[1]
  const [left, right] = isShared
    ? [joinedRowsOf("dy", out, "p.m", "each"), joinedRowsOf("weight", out, "p.n", "eachWeight")]
    : [stackedRowsOf("dy", out, "p.m"), stackedRowsOf("weight", out, "p.n")]
  const params = isShared ? [out] : []
  return runProduct(
    ...([gpu, { m: rows, n: inner, ...(isShared ? { k: count * out } : { k: out, count }) }] as const),
    { factor: left, buffers: [dy], params },
    { factor: right, buffers: [weight], params },
    ...([{}, { shape: [isShared ? 1 : count, rows, inner] }] as const),
  )
}

/** Sums over the rows. x: [rows, columns] → [columns] */
export function columnSums(gpu: Gpu, x: Tensor, columns: number): Tensor {
  return tf.reshape(stackedColumnSums(gpu, x, [1, columns]), [columns])
}

/** Sums over the rows of each of several matrices. x: [count, rows, columns] → [count, columns] */
function stackedColumnSums(gpu: Gpu, x: Tensor, shape: readonly [count: number, columns: number]): Tensor {
  const [count, columns] = shape
  const rows = x.size / count / columns
  const sums = gpu.create<Tensor>(shape)
  const blocks = Math.ceil(columns / COLUMNS)
  gpu.run(COLUMN_SUMS, [x, sums], [rows, columns, blocks, count], blocks * count)
  return sums
}

/** Columns that a workgroup adds up, and invocations for each. */
const COLUMNS = 32
const LANES = 8

const COLUMN_SUMS: KernelSource = {
  key: "sums of columns",
  code: (storages) =>
    wgslModule(
      {
        params: ["rows", "columns", "blocks", "count"],
        reads: { x: "f32" },
        writes: { result: "f32" },
        threads: COLUMNS * LANES,
        declarations: `var<workgroup> sums: array<f32, ${COLUMNS * LANES}>;`,
        main: `let matrix = group / p.blocks;
if (matrix >= p.count) { return; }
let column = group % p.blocks * ${COLUMNS}u + local % ${COLUMNS}u;
let first = matrix * p.rows;
var sum = 0.0;
if (column < p.columns) {
  for (var row = local / ${COLUMNS}u; row < p.rows; row += ${LANES}u) { sum += load_x((first + row) * p.columns + column); }
}
sums[local] = sum;
workgroupBarrier();
if (local < ${COLUMNS}u && column < p.columns) {
  for (var lane = 1u; lane < ${LANES}u; lane++) { sum += sums[lane * ${COLUMNS}u + local]; }
  result[matrix * p.columns + column] = sum;
}`,
      },
      storages,
    ),
}
