import { type FloatDtype, toFloat32 } from "@lllite/format"
import { fromFloat32 } from "@lllite/format/write"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { Ops } from "../src/ops/ops.ts"
import type { WeightEntry } from "../src/ops/weight-entry.ts"
import { createStream } from "../src/random/stream.ts"
import { type CaseInput, type OpsCase, opsCases } from "./ops-cases/index.ts"
import type { Values } from "./plain-ops.ts"

export interface ContractResult {
  /** The verb, its shapes and the result, such as "attention: causal, gradient of input 1". */
  readonly case: string
  /** Greatest difference over the greatest expected value. Infinity if the result has another size or a NaN. */
  readonly maxRelError: number
  readonly tolerance: number
  readonly ok: boolean
}

export interface CheckOptions {
  /** Chooses cases by verb and shapes, such as "attention: causal". Default: all cases. */
  readonly isWanted?: (name: string) => boolean
  /**
   * The dtype in which the ops store tensors. Inputs have values of it, for the ops and for the formula alike. Without
   * this, an input of a ReLU that is rounded to the other side of zero changes a gradient, and no kernel is wrong.
   * Default: `F32`.
   */
  readonly stored?: FloatDtype
}

/** The number of elements of an input whose gradient is compared. */
const PROBES = 24

/** Step of the central differences. Their error in float64 is far below float32's rounding. */
const STEP = 2e-6

/**
 * Checks an `Ops` against the formulas of the verbs. It compares every verb's value on the backend in use with the same
 * formula in float64. It compares gradients with central differences of that formula. Inputs must not change, and no
 * tensor may be left behind, also by a weight that cannot be read to its end.
 */
export async function checkOps(ops: Ops, options: CheckOptions = {}): Promise<ContractResult[]> {
  const { isWanted = () => true, stored = "F32" } = options
  const results: ContractResult[] = []
  for (const drawn of opsCases().filter(({ name }) => isWanted(name))) {
    const inputs = drawn.inputs.map(({ shape, values }) => ({
      shape,
      values: toFloat32(fromFloat32(values, stored), stored),
    }))
    results.push(...(await checkCase(ops, { ...drawn, inputs })))
  }
  for (const verb of ["linear", "conv2d", "norm"] as const) {
    if (isWanted(`load ${verb}`)) results.push(await checkFailedLoad(ops, verb))
  }
  return results
}

/** Loads a weight whose second tensor cannot be read. */
async function checkFailedLoad({ load }: Ops, verb: "linear" | "conv2d" | "norm"): Promise<ContractResult> {
  const shape = { linear: [4, 8], conv2d: [4, 8, 3, 3], norm: [4] }[verb]
  const first: WeightEntry = {
    ...{ name: "first", dtype: "F32", shape },
    read: async () => new Uint8Array(4 * tf.util.sizeFromShape([...shape])),
  }
  const broken = new Error("it cannot be read")
  const second: WeightEntry = { ...first, name: "second", shape: [4], read: () => Promise.reject(broken) }
  const before = tf.memory().numTensors
  const reason = await load[verb](first, second).then(
    () => "it was loaded",
    (error: unknown) => error,
  )
  const left = reason === broken ? tf.memory().numTensors - before : Number.POSITIVE_INFINITY
  return { case: `load ${verb}, tensors left behind by a failure`, maxRelError: left, tolerance: 0, ok: left === 0 }
}

async function checkCase(ops: Ops, opsCase: OpsCase): Promise<ContractResult[]> {
  const { name, inputs, tolerance } = opsCase
  const result = (what: string, error: number, allowed = tolerance): ContractResult => ({
    case: `${name}, ${what}`,
    maxRelError: error,
    tolerance: allowed,
    ok: error <= allowed,
  })
  const before = tf.memory().numTensors
  const { run, dispose } = await opsCase.prepare(ops)
  const tensors = inputs.map(({ shape, values }) => tf.tensor(values.slice(), [...shape], "float32"))
  const points = inputs.map(({ values }) => Float64Array.from(values))
  const expected = opsCase.expected(...points)
  const value = tf.tidy(() => run(...tensors))
  const results = [result("value", relativeError(await value.data(), expected))]
  if (inputs.length > 0) {
    const slope = createStream(1, `${name} slope`).normal(expected.length)
    const dy = tf.tensor(slope.slice(), value.shape)
    const gradients = tf.tidy(() => tf.grads((...args: Tensor[]) => run(...args))(tensors, dy))
    for (const [index, gradient] of gradients.entries()) {
      const got = Float64Array.from(await gradient.data())
      results.push(result(`gradient of input ${index}`, gradientError(opsCase, points, slope, index, got)))
    }
    results.push(result("inputs are left alone", await change(tensors, inputs), 0))
    tf.dispose([dy, ...gradients])
  }
  tf.dispose([value, ...tensors])
  dispose()
  return [...results, result("tensors left behind", tf.memory().numTensors - before, 0)]
}

/**
 * Error of one gradient, relative to its greatest value. It checks some elements, with the first and the last. It also
 * checks a random direction, which every wrong element changes.
 */
function gradientError(
  { name, expected }: OpsCase,
  points: readonly Values[],
  slope: Float32Array,
  index: number,
  got: Values,
): number {
  const point = points[index] as Values
  if (got.length !== point.length) return Number.POSITIVE_INFINITY
  const moved = (by: (element: number) => number): Values =>
    expected(...points.map((values, i) => (i === index ? values.map((value, at) => value + by(at)) : values)))
  const derivative = (direction: (element: number) => number): number => {
    const above = moved((element) => STEP * direction(element))
    const below = moved((element) => -STEP * direction(element))
    return sumOver(slope, (factor, i) => (factor * ((above[i] as number) - (below[i] as number))) / (2 * STEP))
  }
  const probes = probesOf(point.length)
  const wanted = probes.map((probe) => derivative((element) => (element === probe ? 1 : 0)))
  // The scale is over all elements, because the few checked ones may all be small.
  const scale = Math.max(...Array.from(got, Math.abs).filter(Number.isFinite), ...wanted.map(Math.abs))
  const found = probes.map((element) => got[element] as number)
  const direction = createStream(1, `${name} direction`).normal(point.length)
  const along = sumOver(got, (value, i) => value * (direction[i] as number))
  const wantedAlong = derivative((element) => direction[element] as number)
  return Math.max(
    relativeError(found, wanted, scale),
    relativeError([along], [wantedAlong], scale * Math.sqrt(point.length)),
  )
}

function sumOver(values: ArrayLike<number>, term: (value: number, index: number) => number): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += term(values[i] as number, i)
  return sum
}

/** Indices over a length with both ends. Their step shares no factor with usual sizes. */
function probesOf(length: number): number[] {
  if (length <= PROBES) return Array.from({ length }, (_, i) => i)
  const inner = Array.from({ length: PROBES - 2 }, (_, i) => 1 + Math.floor(((i + 0.5) * (length - 2)) / (PROBES - 2)))
  return [0, ...inner, length - 1]
}

async function change(tensors: readonly Tensor[], inputs: readonly CaseInput[]): Promise<number> {
  let most = 0
  for (const [i, { values }] of inputs.entries()) {
    const now = await (tensors[i] as Tensor).data()
    values.forEach((value, at) => {
      most = Math.max(most, Math.abs((now[at] as number) - value))
    })
  }
  return most
}

function relativeError(got: ArrayLike<number>, expected: ArrayLike<number>, scale?: number): number {
  if (got.length !== expected.length) return Number.POSITIVE_INFINITY
  let difference = 0
  let greatest = 0
  for (let i = 0; i < expected.length; i++) {
    const apart = Math.abs((got[i] as number) - (expected[i] as number))
    if (Number.isNaN(apart)) return Number.POSITIVE_INFINITY
    difference = Math.max(difference, apart)
    greatest = Math.max(greatest, Math.abs(expected[i] as number))
  }
  return difference === 0 ? 0 : difference / (scale ?? greatest)
}
