import { type AdapterTail, commonStrength, type Ops, vjp } from "@lllite/core/ops"
import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { floatWord } from "../device/commands.ts"
import { WebgpuOpsError } from "../errors.ts"
import type { Gpu } from "../gpu.ts"
import { columnSums } from "../product/dense.ts"
import type { Factor } from "../product/factor.ts"
import { columnsOf, rowsOf } from "../product/factors.ts"
import { runProduct } from "../product/run.ts"
import { APART, adaptKernel, blocksOf, MAX_WIDTH, rowsOfGroup, slopesKernel } from "./kernel.ts"

/**
 * LLLite's adapters that read the same x. Their `down` is one product. The rest is one pass for every adapter. Its
 * narrow middle stays inside a workgroup. See `Ops.adapt`.
 */
export function createAdapt(gpu: Gpu, dense: Ops["dense"]): NonNullable<Ops["adapt"]> {
  return (x, down, adapters, strengths) =>
    tf.tidy(() => {
      const h = dense(x, down.weight, down.bias) as Tensor3D
      const widths = adapters.map(({ midDown }) => midDown.shape[0])
      const joined = widths.reduce((sum, width) => sum + width, 0)
      if (joined !== h.shape[2]) {
        throw new WebgpuOpsError("shape", `adapt: down gives ${h.shape[2]} values, expected ${widths.join(" + ")}`)
      }
      let from = 0
      return adapters.map((adapter, i) => {
        const y = adaptOne(gpu, x, h, from, adapter, strengths[i] as readonly number[])
        from += widths[i] as number
        return y
      })
    })
}

/** One adapter. Its `down`, before the ReLU, is the columns of h from `from` on. */
function adaptOne(
  gpu: Gpu,
  x: Tensor3D,
  h: Tensor3D,
  from: number,
  { midDown, share, up }: AdapterTail,
  strengths: readonly number[],
): Tensor3D {
  const [n, tokens, channels] = x.shape
  const [count, sharedTokens, width] = share.shape
  const expected = [[width], [width, width], [width, channels], [channels]]
  const came = [[width], midDown.shape, up.weight.shape, up.bias.shape]
  if (String(came) !== String(expected) || sharedTokens !== tokens || n % count !== 0) {
    throw new WebgpuOpsError(
      "shape",
      `adapt: x [${x.shape.join(", ")}], midDown [${midDown.shape.join(", ")}], share [${share.shape.join(", ")}], up ` +
        `[${up.weight.shape.join(", ")}]; expected [N, T, C], [M, M], [a divisor of N, T, M], [M, C]`,
    )
  }
  if (width > MAX_WIDTH)
    throw new WebgpuOpsError("width-limit", `adapt: an adapter of width ${width}, expected at most ${MAX_WIDTH}`)
  const rows = n * tokens
  const joined = h.shape[2]
  const runs = runsOf(strengths, tokens, rowsOfGroup(width))
  return vjp([x, h, midDown, share, up.weight, up.bias], () => {
    const y = gpu.create<Tensor3D>(x.shape, gpu.storageOf(x))
    const middle = gpu.create<Tensor>([rows, width])
    const four = channels % 4 === 0
    for (const { begin, end, tiles, strength } of runs) {
      const { columns, span, groups } = blocksOf(channels, four, tiles)
      gpu.run(
        adaptKernel(width, four, APART),
        [x, h, share, midDown, up.weight, up.bias, y, middle],
        [begin, end, count * tokens, columns, span, floatWord(strength), joined, from],
        groups,
      )
    }
    return {
      value: y,
      saved: [h, midDown, up.weight, middle] as const,
      gradients: (dy, [h, midDown, upWeight, middle]) => {
        const slopes = { factor: rowsOf("dy", channels), buffers: [dy], params: [] }
        const read = { factor: rowsOf("weight", channels), buffers: [upWeight], params: [] }
        const dMiddle = runProduct(gpu, { m: rows, n: width, k: channels }, slopes, read, {}, { shape: [rows, width] })
        const [dSum, dh] = [gpu.create<Tensor>([rows, width]), gpu.create(h.shape)]
        for (const { begin, end, tiles, strength } of runs) {
          const params = [begin, end, floatWord(strength), joined, from]
          gpu.run(slopesKernel(width, APART), [dMiddle, middle, h, midDown, dSum, dh], params, tiles)
        }
        /** Σ over rows of a layer's input times the slopes at its output. */
        const ofWeight = (left: Factor, read: Tensor, params: readonly number[], dy: Tensor, out: number): Tensor =>
          runProduct(
            ...([gpu, { m: width, n: out, k: rows }] as const),
            { factor: left, buffers: [read], params },
            { factor: columnsOf("dy", out, "p.n"), buffers: [dy], params: [] },
            ...([{}, { shape: [width, out] }] as const),
          )
        return [
          // A separate tensor, because the tape disposes the gradients that it adds up.
          tf.clone(dy),
          dh,
          ofWeight(ACTIVE, h, [joined, from], dSum, width),
          count === n
            ? tf.reshape(dSum, share.shape)
            : tf.reshape(tf.sum(tf.reshape(dSum, [n / count, count * tokens * width]), 0), share.shape),
          // The middle includes the strength already.
          ofWeight(columnsOf("x", width, "p.m"), middle, [], dy, channels),
          biasSlope(gpu, dy as Tensor3D, strengths),
        ]
      },
    }
  })
}

/** Σ over rows of strength · dy. dy: [N, T, C] → [C] */
function biasSlope(gpu: Gpu, dy: Tensor3D, strengths: readonly number[]): Tensor {
  const [n, , channels] = dy.shape
  const strength = commonStrength(strengths)
  if (strength === null) {
    const scaled = tf.mul(dy, tf.tensor([...strengths], [n, 1, 1]))
    return columnSums(gpu, scaled, channels)
  }
  const sums = columnSums(gpu, dy, channels)
  return strength === 1 ? sums : tf.mul(sums, strength)
}

/** Rows of consecutive samples with one strength. They are one dispatch. */
export interface StrengthRun {
  readonly begin: number
  /** The row after the last. */
  readonly end: number
  readonly strength: number
  /** Tiles of rows. */
  readonly tiles: number
}

export function runsOf(strengths: readonly number[], tokens: number, tileRows: number): readonly StrengthRun[] {
  const runs: { begin: number; end: number; strength: number }[] = []
  for (const [sample, strength] of strengths.entries()) {
    const last = runs.at(-1)
    if (last?.strength === strength) last.end = (sample + 1) * tokens
    else runs.push({ begin: sample * tokens, end: (sample + 1) * tokens, strength })
  }
  return runs.map((run) => ({ ...run, tiles: Math.ceil((run.end - run.begin) / tileRows) }))
}

/** Columns of one layer among joined layers, after ReLU. x: [k, joined] */
const ACTIVE: Factor = {
  ...{ key: "active columns", reads: { x: "f32" }, params: ["joined", "origin"], along: "edge", four: false },
  body: "return max(load_x(inner * p.joined + p.origin + edge), 0.0);",
}
