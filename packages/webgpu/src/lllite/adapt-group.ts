import {
  type AdapterGroup,
  type AdapterLayout,
  adapterLayout,
  commonStrength,
  type Ops,
  vjpSeveral,
} from "@lllite/core/ops"
import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { floatWord } from "../device/commands.ts"
import { WebgpuOpsError } from "../errors.ts"
import type { Gpu } from "../gpu.ts"
import type { Factor } from "../product/factor.ts"
import {
  columnsAndOnes,
  joinedPlacedRowsOf,
  joinedRowsOf,
  oneOf,
  placedColumnsOf,
  placedRowsOf,
  rowsOf,
  stackedColumnsOf,
} from "../product/factors.ts"
import { type ProductInput, runProduct, runProductInto, runProductWithBiasOf } from "../product/run.ts"
import { runsOf, type StrengthRun } from "./adapt.ts"
import { adaptKernel, blocksOf, grouped, MAX_WIDTH, rowsOfGroup, slopesKernel } from "./kernel.ts"

/**
 * LLLite's adapters that read the same x, with all their values in one tensor. Forward it is two dispatches for all
 * of them, and back six. See `Ops.adaptGroup`.
 */
export function createAdaptGroup(gpu: Gpu): NonNullable<Ops["adaptGroup"]> {
  return (x, group, strengths) => {
    const shapes = shapesOf(gpu, x, group, strengths)
    const { values, share } = group
    return vjpSeveral([x, values, share], () => {
      const h = downOf(gpu, shapes, x, values)
      const { ys, middle } = adapted(gpu, shapes, { x, h, values, share })
      return {
        values: ys,
        saved: [x, values, h, middle] as const,
        gradients: (dys, [x, values, h, middle]) => slopes(gpu, shapes, { x, values, h, middle }, dys),
      }
    })
  }
}

interface GroupShapes {
  readonly x: readonly [n: number, tokens: number, channels: number]
  readonly share: readonly [adapters: number, count: number, tokens: number, width: number]
  readonly adapters: number
  /** Control images. */
  readonly count: number
  readonly tokens: number
  readonly channels: number
  readonly width: number
  /** All rows of x. */
  readonly rows: number
  readonly at: AdapterLayout
  /** Whether all parts of the values can be read by four. */
  readonly four: boolean
  readonly strengths: readonly number[]
  readonly runs: readonly StrengthRun[]
}

/** @throws WebgpuOpsError for tensors that do not fit each other, or more adapters or wider ones than the device takes */
function shapesOf(
  { limits }: Gpu,
  x: Tensor3D,
  { values, share }: AdapterGroup,
  strengths: readonly number[],
): GroupShapes {
  const [n, tokens, channels] = x.shape
  const [adapters, count, shared, width] = share.shape
  const at = adapterLayout(channels, width)
  if (String(values.shape) !== String([adapters, at.size]) || shared !== tokens || n % count !== 0) {
    throw new WebgpuOpsError(
      "shape",
      `adaptGroup: x [${x.shape.join(", ")}], values [${values.shape.join(", ")}], share [${share.shape.join(", ")}]; ` +
        `expected [N, T, C], [adapters, ${at.size}], [adapters, a divisor of N, T, M]`,
    )
  }
  // A kernel binds four buffers besides one for each result, and the middle.
  const most = limits.maxStorageBuffersPerShaderStage - 5
  if (width > MAX_WIDTH || adapters > most) {
    throw new WebgpuOpsError(
      "width-limit",
      `adaptGroup: ${adapters} adapters of width ${width}, expected at most ${most} of at most ${MAX_WIDTH}`,
    )
  }
  return {
    ...{ x: x.shape, share: share.shape, adapters, count, tokens, channels, width, rows: n * tokens, at, strengths },
    four: [channels, width, ...Object.values(at)].every((size) => size % 4 === 0),
    runs: runsOf(strengths, tokens, rowsOfGroup(width)),
  }
}

/** `down` of all adapters, before the ReLU. → [adapters, rows, width] */
function downOf(
  gpu: Gpu,
  { adapters, channels, width, rows, at, four }: GroupShapes,
  x: Tensor,
  values: Tensor,
): Tensor {
  return runProductWithBiasOf(
    ...([gpu, { m: rows, n: width, k: channels, count: adapters }] as const),
    plain(rowsOf("x", channels), x),
    { factor: placedColumnsOf("values", four), buffers: [values], params: [0, at.size] },
    ...([{ tensor: values, from: at.downBias, each: at.size }, [adapters, rows, width]] as const),
  )
}

/** The results, and what `up` reads. [adapters, rows, width] */
function adapted(
  gpu: Gpu,
  { x: shape, adapters, count, tokens, channels, width, rows, at, four, runs }: GroupShapes,
  { x, h, values, share }: { readonly x: Tensor; readonly h: Tensor; readonly values: Tensor; readonly share: Tensor },
): { readonly ys: readonly Tensor3D[]; readonly middle: Tensor } {
  const ys = Array.from({ length: adapters }, () => gpu.create<Tensor3D>(shape, gpu.storageOf(x)))
  const middle = gpu.create([adapters, rows, width])
  const kernel = adaptKernel(width, four, grouped(adapters, width))
  for (const { begin, end, tiles, strength } of runs) {
    const { columns, span, groups } = blocksOf(channels, four, adapters * tiles)
    const placed = [rows, at.size, at.midDown, at.up, at.upBias]
    const params = [begin, end, count * tokens, columns, span, floatWord(strength), ...placed]
    gpu.run(kernel, [x, h, share, values, ...ys, middle], params, groups)
  }
  return { ys, middle }
}

interface Kept {
  readonly x: Tensor
  readonly values: Tensor
  readonly h: Tensor
  readonly middle: Tensor
}

/** The slopes at x, at the values and at the share. */
function slopes(gpu: Gpu, shapes: GroupShapes, { x, values, h, middle }: Kept, dys: readonly Tensor[]): Tensor[] {
  const { adapters, channels, width, rows, at, four, runs } = shapes
  const count = adapters
  const [first, ...more] = dys.map((_, i) => rowsOf(`dy${i}`, channels)) as [Factor, ...Factor[]]
  const dMiddle = runProduct<Tensor>(
    ...([gpu, { m: rows, n: width, k: channels, count }] as const),
    { factor: oneOf("z", [first, ...more]), buffers: dys, params: [] },
    { factor: placedRowsOf("values", four), buffers: [values], params: [at.up, at.size] },
    ...([{}, { shape: middle.shape }] as const),
  )
  const [dSum, dh] = [gpu.create<Tensor>(middle.shape), gpu.create<Tensor>(h.shape)]
  const kernel = slopesKernel(width, grouped(adapters, width))
  for (const { begin, end, tiles, strength } of runs) {
    const params = [begin, end, floatWord(strength), rows, at.size, at.midDown, at.up, at.upBias]
    gpu.run(kernel, [dMiddle, middle, h, values, dSum, dh], params, adapters * tiles)
  }
  const dx = runProduct<Tensor>(
    ...([gpu, { m: rows, n: channels, k: adapters * width }] as const),
    { factor: joinedRowsOf("dh", width, "p.m", "one"), buffers: [dh], params: [width] },
    { factor: joinedPlacedRowsOf("values", four), buffers: [values], params: [0, at.size, width] },
    // x is a part of every result.
    ...([{ plus: dys }, { shape: x.shape, storage: gpu.storageOf(...dys) }] as const),
  )
  const dValues = gpu.create<Tensor>(values.shape)
  const into = (from: number): { tensor: Tensor; from: number; each: number } => ({
    tensor: dValues,
    from,
    each: at.size,
  })
  const ofDown = columnsAndOnes("x", channels, { stacked: false, constant: "1.0" })
  runProductInto(
    ...([gpu, { m: channels + 1, n: width, k: rows, count }] as const),
    { factor: ofDown, buffers: [x], params: [channels] },
    ...([plain(stackedColumnsOf("dh", width, "p.n"), dh), into(0)] as const),
  )
  runProductInto(
    ...([gpu, { m: width, n: width, k: rows, count }] as const),
    plain(activeColumns(width), h),
    ...([plain(stackedColumnsOf("dSum", width, "p.n"), dSum), into(at.midDown)] as const),
  )
  const [firstColumns, ...moreColumns] = dys.map((_, i) => columnsByRow(`dy${i}`, channels)) as [Factor, ...Factor[]]
  runProductInto(
    ...([gpu, { m: width + 1, n: channels, k: rows, count }] as const),
    middleAndStrength(shapes, middle),
    { factor: oneOf("z", [firstColumns, ...moreColumns]), buffers: dys, params: [] },
    into(at.up),
  )
  return [dx, dValues, shareSlopes(shapes, dSum)]
}

function plain(factor: Factor, tensor: Tensor): ProductInput {
  return { factor, buffers: [tensor], params: [] }
}

/** What `up` reads, and the strength, which scales its bias. The middle includes the strength already. */
function middleAndStrength({ strengths, tokens, width }: GroupShapes, middle: Tensor): ProductInput {
  const strength = commonStrength(strengths)
  if (strength !== null) {
    const factor = columnsAndOnes("middle", width, {
      ...{ stacked: true, constant: "p.strength", params: ["strength: f32"] },
    })
    return { factor, buffers: [middle], params: [width, floatWord(strength)] }
  }
  const constant = "strengths[inner / p.tokens]"
  const factor = columnsAndOnes("middle", width, { stacked: true, constant, params: ["tokens"] })
  return {
    factor: { ...factor, reads: { ...factor.reads, strengths: "f32" } },
    buffers: [middle, tf.tensor1d([...strengths])],
    params: [width, tokens],
  }
}

/** One share may be read by several samples. dSum: [adapters, rows, width] */
function shareSlopes({ x: [n], share, adapters, count, tokens, width }: GroupShapes, dSum: Tensor): Tensor {
  if (count === n) return tf.reshape(dSum, [...share])
  const bySample = tf.reshape(dSum, [adapters, n / count, count * tokens * width])
  return tf.reshape(tf.sum(bySample, 1), [...share])
}

/** Columns of the right factor, which all products read alike. */
function columnsByRow(name: string, columns: number): Factor {
  const four = columns % 4 === 0
  return {
    ...{ key: `columns${four ? "" : " by one"}`, reads: { [name]: four ? "vec4f" : "f32" }, params: [] },
    ...{ along: "edge", four },
    body: `return load_${name}((inner * p.n + edge)${four ? " / 4u" : ""});`,
  }
}

/** Columns of each product's matrix, after ReLU. x: [z, k, width] */
function activeColumns(width: number): Factor {
  const columns = stackedColumnsOf("x", width, "p.m")
  const zero = columns.four ? "vec4f()" : "0.0"
  return {
    ...columns,
    key: `active ${columns.key}`,
    body: `return max(${columns.body.slice("return ".length, -1)}, ${zero});`,
  }
}
