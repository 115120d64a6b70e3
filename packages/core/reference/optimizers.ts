import { quantise } from "../src/training/optimizers/eight-bit/blocks.ts"
import { BLOCK_SIZE, createQuantiser, dynamicMap } from "../src/training/optimizers/eight-bit/dynamic-map.ts"
import { initOptimizer, loadOptimizer } from "../src/training/optimizers/index.ts"
import type { OptimizerState } from "../src/training/optimizers/optimizer.ts"
import { readOptimizerArguments } from "../src/training/optimizers/python-arguments.ts"
import type { ValuePart } from "../src/training/value-part.ts"
import type { CaseResult, ReferenceTensors } from "./case.ts"
import { compare, compareExactly, readTensor } from "./case.ts"
import { normal, signal } from "./synthetic.ts"

/** optimizers.json */
export interface OptimizersReference {
  readonly tag: string
  readonly steps: number
  readonly runs: Readonly<Record<string, OptimizerRun>>
}

interface OptimizerRun {
  readonly optimizerType: string
  readonly learningRate: number
  readonly optimizerArgs: readonly string[]
  readonly cls: string
  readonly schedulerLr: readonly (readonly number[])[]
  readonly group: Readonly<Record<string, unknown>>
  readonly shapes: Readonly<Record<string, readonly number[]>>
}

/** Steps after which parameters are compared. */
const COMPARED = [1, 5, 12]

/** Bytes may differ by one place, where a value lies between two numbers. */
const BYTES_TOLERANCE = 1e-3

/** Our lists, by the names of the states of Python's optimisers. */
const LISTS: Readonly<Record<string, string>> = {
  exp_avg: "m",
  exp_avg_sq: "v",
  max_exp_avg_sq: "largestV",
  exp_inf: "largest",
  momentum_buffer: "velocity",
  square_avg: "v",
  sum: "sum",
  acc_delta: "moved",
  ax: "mean",
  z: "z",
  s: "s",
  sk: "s",
  p0: "start",
  x0: "start",
  alphak: "squares",
  exp_avg_diff: "difference",
  pre_grad: "before",
  exp_avg_sq_row: "rows",
  exp_avg_sq_col: "columns",
  exp_avg_res_row: "differenceRows",
  exp_avg_res_col: "differenceColumns",
  row_var: "rows",
  col_var: "columns",
  variance: "v",
  absmax1: "Scales",
  absmax2: "vScales",
  state1: "Plain",
  state2: "vPlain",
}

/** Our numbers, by the names of groups of Python's optimisers. */
const NUMBERS: Readonly<Record<string, string>> = {
  d: "d",
  d_numerator: "numerator",
  numerator_weighted: "numerator",
  weight_sum: "weightSum",
  lr_max: "largestRate",
  skl1: "length",
  sksq_weighted: "sumSquares",
  g0_norm: "firstNorm",
}

/** Optimisers from sd-scripts' options, 12 updates each: parameters, states, and 8-bit numbers. */
export async function runOptimizers(
  reference: OptimizersReference,
  tensors: ReferenceTensors,
): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = []
  for (const [key, run] of Object.entries(reference.runs)) {
    results.push(...(await runOptimizer(reference, key, run, tensors)))
  }
  return [...results, ...(await runQuantisation(reference.tag, tensors))]
}

async function runOptimizer(
  { tag, steps }: OptimizersReference,
  key: string,
  run: OptimizerRun,
  tensors: ReferenceTensors,
): Promise<readonly CaseResult[]> {
  const read = readOptimizerArguments(run.optimizerType, run.optimizerArgs)
  if (!("optimizer" in read))
    return [
      { case: key, skipped: read.problems.map(({ part, expected }) => `${part}: expected ${expected}`).join("; ") },
    ]
  const parts = partsOf(run.shapes)
  const values = new Float32Array(parts.reduce((sum, { size }) => sum + size, 0))
  for (const { name, shape, offset } of parts) values.set(signal(`${tag}/opt/param/${name}`, shape), offset)
  const optimizer = loadOptimizer(values, initOptimizer(read.optimizer), read.optimizer, parts)
  const tolerance = key.startsWith("bnb.") ? BYTES_TOLERANCE : undefined
  const results: CaseResult[] = []
  for (let step = 0; step < steps; step++) {
    const gradients = new Float32Array(values.length)
    for (const part of parts) {
      const noise = normal(`${tag}/opt/grad/${part.name}/${step}`, part.shape)
      const scale = step % 3 === 0 ? 1.5 : 0.3
      const own = values.subarray(part.offset, part.offset + part.size)
      gradients.set(
        noise.map((value, i) => Math.fround(value * scale) + 0.1 * (own[i] as number)),
        part.offset,
      )
    }
    await optimizer.step(gradients, run.learningRate)
    if (!COMPARED.includes(step + 1)) continue
    for (const part of parts) {
      const name = `${key}.step${step + 1}.${part.name}`
      const theirs = await readTensor(tensors, name)
      results.push(compare(`optimizers/${name}`, thinned(values, part, theirs.shape), theirs.values, tolerance))
    }
  }
  const state = await optimizer.save()
  const average = await optimizer.average?.()
  for (const part of parts) {
    const name = `${key}.eval.${part.name}`
    if (average === undefined || !tensors.tensors.has(name)) continue
    const ours = average.subarray(part.offset, part.offset + part.size)
    results.push(compare(`optimizers/${name}`, ours, await tensors.readFloat32(name)))
  }
  results.push(...(await compareState(key, state, parts, tensors)))
  results.push(...compareNumbers(key, state, run))
  return results
}

async function compareState(
  key: string,
  state: OptimizerState,
  parts: readonly ValuePart[],
  tensors: ReferenceTensors,
): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = []
  const total = parts.reduce((sum, { size }) => sum + size, 0)
  const isBytes = key.startsWith("bnb.")
  for (const part of parts) {
    const prefix = `${key}.state.${part.name}.`
    const names = [...tensors.tensors.keys()].filter((name) => name.startsWith(prefix))
    for (const name of names) {
      const theirs = name.slice(prefix.length)
      if (theirs.startsWith("qmap")) {
        const map = dynamicMap(theirs === "qmap1")
        results.push(compare(`optimizers/${name}`, map, await tensors.readFloat32(name), 1e-6))
        continue
      }
      // It is the difference of two other lists there.
      if (key === "dAdaptSGD" && theirs === "z") continue
      const { dtype } = tensors.tensors.get(name) ?? {}
      if (dtype === "U8") {
        const bytes = theirs === "state2" ? state.tensors.v : (state.tensors.m ?? state.tensors.velocity)
        const codes = await tensors.read(name)
        results.push(compareCodes(`optimizers/${name}`, (bytes ?? new Uint8Array(0)).subarray(0, codes.length), codes))
        continue
      }
      const ours = listOf(theirs, key, state)
      const wanted = await tensors.readFloat32(name)
      const from = ours.length === total ? part.offset : 0
      const tolerance = isBytes ? 1e-2 : undefined
      results.push(compare(`optimizers/${name}`, ours.subarray(from, from + wanted.length), wanted, tolerance))
    }
  }
  return results
}

function listOf(theirs: string, key: string, { tensors }: OptimizerState): Float32Array {
  let name = LISTS[theirs] ?? theirs
  // The source stores the two under each other's names.
  if (key === "dAdaptAdanIP") name = name === "v" ? "difference" : name === "difference" ? "v" : name
  if (key.startsWith("bnb.") && !name.startsWith("v")) name = `${"velocityScales" in tensors ? "velocity" : "m"}${name}`
  const list = tensors[name]
  return list instanceof Float32Array ? list : new Float32Array(0)
}

/** Bytes agree if each is at most one place from the reference's. The error is the share of others. */
function compareCodes(name: string, ours: ArrayLike<number>, theirs: Uint8Array): CaseResult {
  const near = Array.from(theirs, (code, i) => (Math.abs((ours[i] ?? Number.NaN) - code) <= 1 ? code : -1))
  return compareExactly(name, near, theirs)
}

function compareNumbers(key: string, { numbers = {} }: OptimizerState, { group }: OptimizerRun): readonly CaseResult[] {
  return Object.entries(NUMBERS).flatMap(([theirs, ours]) => {
    const [wanted, got] = [group[theirs], numbers[ours]]
    if (typeof wanted !== "number" || got === undefined) return []
    // Its terms cancel, and the reference adds them in float32.
    const tolerance = theirs === "d_numerator" ? 1e-2 : undefined
    return [compare(`optimizers/${key}.${theirs}`, [got], [wanted], tolerance)]
  })
}

/** Every 9th row and every 7th column of a large tensor, as the reference keeps it. */
function thinned(values: Float32Array, part: ValuePart, shape: readonly number[]): ArrayLike<number> {
  const own = values.subarray(part.offset, part.offset + part.size)
  if (shape.join() === part.shape.join()) return own
  const columns = part.shape[1] ?? 1
  return own.filter((_, i) => Math.floor(i / columns) % 9 === 0 && (i % columns) % 7 === 0)
}

function partsOf(shapes: OptimizerRun["shapes"]): readonly ValuePart[] {
  let offset = 0
  return Object.entries(shapes).map(([name, shape]) => {
    const size = shape.reduce((product, length) => product * length, 1)
    const part = { name, group: name, shape, offset, size }
    offset += size
    return part
  })
}

/** Block-wise quantisation of a plain list, in blocks of two sizes. */
async function runQuantisation(tag: string, tensors: ReferenceTensors): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = []
  const values = normal(`${tag}/opt/quant`, [3, 1000])
  for (const [name, isSigned] of [
    ["dynamicSigned", true],
    ["dynamicUnsigned", false],
  ] as const) {
    const quantiser = createQuantiser(dynamicMap(isSigned))
    results.push(
      compare(`optimizers/bnb.map.${name}`, quantiser.map, await tensors.readFloat32(`bnb.map.${name}`), 1e-6),
    )
    for (const size of [64, BLOCK_SIZE]) {
      const codes = new Uint8Array(values.length)
      const scales: number[] = []
      const numbers = new Float32Array(values.length)
      for (let first = 0; first < values.length; first += size) {
        const block = values.slice(first, first + size).map((value) => (isSigned ? value : Math.abs(value)))
        const scale = quantise(block, quantiser, codes.subarray(first))
        scales.push(scale)
        for (let i = first; i < first + block.length; i++) numbers[i] = (quantiser.map[codes[i] as number] ?? 0) * scale
      }
      const kept = <T extends Uint8Array | Float32Array>(list: T): T => list.filter((_, i) => i % 4 === 0) as T
      const key = `${name}.${size}`
      results.push(
        compare(`optimizers/bnb.absmax.${key}`, scales, await tensors.readFloat32(`bnb.absmax.${key}`), 1e-6),
        compareCodes(`optimizers/bnb.quant.${key}`, kept(codes), await tensors.read(`bnb.quant.${key}`)),
        compare(`optimizers/bnb.dequant.${key}`, kept(numbers), await tensors.readFloat32(`bnb.dequant.${key}`), 2e-2),
      )
    }
  }
  return results
}
