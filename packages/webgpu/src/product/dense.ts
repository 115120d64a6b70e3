import { type Ops, vjp } from "@lllite/core/ops"
import type { Tensor } from "@tensorflow/tfjs-core"
import type { KernelSource } from "../device/commands.ts"
import { WebgpuOpsError } from "../errors.ts"
import type { Gpu } from "../gpu.ts"
import { wgslModule } from "../wgsl/module.ts"
import { columnsOf, rowsOf } from "./factors.ts"
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
        value: runProduct(gpu, { m: rows, n: out, k: inner }, left, right, { bias }, shape),
        saved: [x, weight],
        gradients: (dy, [x, weight]) => {
          const dx = (): Tensor =>
            runProduct(
              ...([gpu, { m: rows, n: inner, k: out }] as const),
              { factor: rowsOf("dy", out), buffers: [dy], params: [] },
              { factor: rowsOf("weight", out), buffers: [weight], params: [] },
              ...([{}, x.shape] as const),
            )
          const dWeight = (): Tensor =>
            runProduct(
              ...([gpu, { m: inner, n: out, k: rows }] as const),
              { factor: columnsOf("x", inner, "p.m"), buffers: [x], params: [] },
              { factor: columnsOf("dy", out, "p.n"), buffers: [dy], params: [] },
              ...([{}, weight.shape] as const),
            )
          const dBias = bias === null ? [] : [columnSums(gpu, dy, rows, out)]
          return [...(inputGradient ? [dx()] : []), dWeight(), ...dBias]
        },
      }
    })
  }
}

/** Sums over the rows. x: [rows, columns] → [columns] */
export function columnSums(gpu: Gpu, x: Tensor, rows: number, columns: number): Tensor {
  const sums = gpu.create<Tensor>([columns])
  gpu.run(COLUMN_SUMS, [x, sums], [rows, columns], Math.ceil(columns / COLUMNS))
  return sums
}

/** Columns that a workgroup adds up, and invocations for each. */
const COLUMNS = 32
const LANES = 8

const COLUMN_SUMS: KernelSource = {
  key: "sums of columns",
  code: () =>
    wgslModule({
      params: ["rows", "columns"],
      reads: { x: "f32" },
      writes: { result: "f32" },
      threads: COLUMNS * LANES,
      declarations: `var<workgroup> sums: array<f32, ${COLUMNS * LANES}>;`,
      main: `let column = group * ${COLUMNS}u + local % ${COLUMNS}u;
var sum = 0.0;
if (column < p.columns) {
  for (var row = local / ${COLUMNS}u; row < p.rows; row += ${LANES}u) { sum += x[row * p.columns + column]; }
}
sums[local] = sum;
workgroupBarrier();
if (local < ${COLUMNS}u && column < p.columns) {
  for (var lane = 1u; lane < ${LANES}u; lane++) { sum += sums[lane * ${COLUMNS}u + local]; }
  result[column] = sum;
}`,
    }),
}
