import { describe, expect, it } from "vitest"
import type { ValuePart } from "../value-part.ts"
import { initOptimizer, loadOptimizer, OPTIMIZERS, type OptimizerChoice, type OptimizerName } from "./index.ts"
import type { Optimizer, OptimizerState } from "./optimizer.ts"

const NAMES = Object.keys(OPTIMIZERS) as OptimizerName[]

/** A matrix and a list. */
const PARTS: readonly ValuePart[] = [
  { name: "weight", group: "weight", shape: [2, 3], offset: 0, size: 6 },
  { name: "bias", group: "bias", shape: [2], offset: 6, size: 2 },
]
const START = Float32Array.of(1, -2, 3, 0.5, -0.25, 4, 2, -1)

/** Never zero, so that every value has a reason to move. */
const gradientsAt = (step: number): Float32Array => START.map((value, i) => Math.sin(step + i) + 0.1 * value + 0.01)

/** The last ones find a small step size themselves, which the learning rate multiplies. */
const rateOf = (name: string): number => (/^dadapt|^prodigy$/.test(name) ? 1 : 1e-3)

const load = (values: Float32Array, state: OptimizerState, options: object = {}): Optimizer =>
  loadOptimizer(values, state, { name: state.name, ...options } as OptimizerChoice, PARTS)

async function run(values: Float32Array, state: OptimizerState, from: number, to: number): Promise<OptimizerState> {
  const optimizer = load(values, state)
  for (let step = from; step < to; step++) await optimizer.step(gradientsAt(step), rateOf(state.name))
  const saved = await optimizer.save()
  optimizer.dispose()
  return saved
}

describe.each(NAMES)("the optimiser %s", (name) => {
  it("is listed by its name", () => {
    expect(OPTIMIZERS[name].name).toBe(name)
    expect(initOptimizer({ name })).toEqual({ name, step: 0, tensors: {} })
  })

  it("continues bit for bit from what it saved", async () => {
    const [whole, parts] = [START.slice(), START.slice()]
    const atOnce = await run(whole, initOptimizer({ name }), 0, 200)
    const half = structuredClone(await run(parts, initOptimizer({ name }), 0, 137))
    const resumed = await run(parts, half, 137, 200)
    expect(parts).toEqual(whole)
    expect(resumed).toEqual(atOnce)
    expect(resumed.step).toBe(200)
    expect(whole).not.toEqual(START)
    for (const value of whole) expect(value).toSatisfy(Number.isFinite)
  })

  it("takes a step with every option away from its default", async () => {
    const changed = Object.entries(OPTIMIZERS[name].options).map(([option, { default: usual }]) => [
      option,
      typeof usual === "boolean" ? !usual : option === "growthRate" ? 2 : (usual ?? 0.5),
    ])
    const values = START.slice()
    const optimizer = load(values, initOptimizer({ name }), Object.fromEntries(changed))
    for (let step = 0; step < 20; step++) await optimizer.step(gradientsAt(step), rateOf(name))
    expect(values).not.toEqual(START)
    for (const value of values) expect(value).toSatisfy(Number.isFinite)
  })

  it("leaves the gradients alone, and does not break at a gradient of zeros", async () => {
    const values = START.slice()
    const optimizer = load(values, initOptimizer({ name }))
    const zeros = new Float32Array(START.length)
    await optimizer.step(zeros, 0.1)
    expect(zeros).toEqual(new Float32Array(START.length))
    const gradients = gradientsAt(1)
    await optimizer.step(gradients, 0.1)
    expect(gradients).toEqual(gradientsAt(1))
    for (const value of values) expect(value).toSatisfy(Number.isFinite)
  })

  it("refuses values and states that do not fit, before it changes them", async () => {
    const values = START.slice()
    const state = initOptimizer({ name })
    const later = structuredClone(await run(START.slice(), state, 0, 1))
    for (const tensor of Object.keys(later.tensors)) {
      const { [tensor]: list = new Float32Array(0), ...others } = later.tensors
      const short = { ...later, tensors: { ...others, [tensor]: list.slice(1) } }
      expect(() => load(values, short)).toThrow(
        `its "${tensor}" has ${list.length - 1} values, expected ${list.length}`,
      )
      expect(() => load(values, { ...later, tensors: others })).toThrow(`its state has no "${tensor}"`)
    }
    for (const number of Object.keys(later.numbers ?? {})) {
      const { [number]: _, ...others } = later.numbers ?? {}
      expect(() => load(values, { ...later, numbers: others })).toThrow(`its state has no number "${number}"`)
    }
    const other = { name: name === "lion" ? "sgd" : "lion" } as OptimizerChoice
    expect(() => loadOptimizer(values, state, other, PARTS)).toThrow(`"${other.name}": the state is of "${name}"`)
    expect(() => load(values, state, { momentums: 1 })).toThrow(`optimizer "${name}": no option "momentums"`)
    for (const [option, { default: usual }] of Object.entries(OPTIMIZERS[name].options)) {
      const expected = typeof usual === "boolean" ? "expected true or false" : "expected a (whole )?number"
      expect(() => load(values, state, { [option]: Number.NaN })).toThrow(new RegExp(`: ${option} is NaN, ${expected}`))
      expect(() => load(values, state, { [option]: "0.5" })).toThrow(`: ${option} is`)
    }
    const optimizer = load(values, state)
    expect(() => optimizer.step(new Float32Array(4), 0.1)).toThrow("4 gradients, expected one for each of 8 values")
    expect(() => optimizer.step(gradientsAt(0), -1)).toThrow("learningRate is -1, expected a number from 0 to 1000")
    expect((await optimizer.save()).step).toBe(0)
    expect(values).toEqual(START)
  })
})

it("refuses an unknown optimiser by name", () => {
  for (const name of ["plain", "toString", "__proto__"]) {
    expect(() => initOptimizer({ name } as OptimizerChoice)).toThrow(
      `optimizer: there is no "${name}". There are: ${NAMES.join(", ")}.`,
    )
  }
})

it("factors and quantises tensors in a file's order, whatever the order of the values", async () => {
  const size = 128 * 64
  // The same tensor, once as a file has it and once by its columns.
  const file: ValuePart = { name: "w", group: "w", shape: [128, 64], offset: 0, size }
  const columns: ValuePart = { ...file, strides: [1, 128] }
  const transposed = (values: Float32Array): Float32Array =>
    values.map((_, i) => values[(i % 128) * 64 + Math.floor(i / 128)] as number)
  const start = Float32Array.from({ length: size }, (_, i) => Math.sin(i * i))
  for (const name of ["adafactor", "torch.optim.adafactor", "came", "adamw8bit", "lion8bit"] as const) {
    const [inFile, inColumns] = [start.slice(), transposed(start)]
    const first = loadOptimizer(inFile, initOptimizer({ name }), { name }, [file])
    const second = loadOptimizer(inColumns, initOptimizer({ name }), { name }, [columns])
    for (let step = 0; step < 3; step++) {
      const gradients = start.map((value, i) => value * Math.cos(i + step))
      await first.step(gradients, 1e-2)
      await second.step(transposed(gradients), 1e-2)
    }
    expect(inFile).not.toEqual(start)
    const expected = transposed(inFile)
    for (const [i, value] of inColumns.entries()) expect(value).toBeCloseTo(expected[i] as number, 5)
  }
})

describe("Prodigy's slice", () => {
  it("finds the step size that prodigyopt 1.1.2 finds in float64", async () => {
    const values = START.slice()
    const optimizer = load(values, initOptimizer({ name: "prodigy" }), { sliceP: 4 })
    for (let step = 0; step < 6; step++) {
      const gradients = START.map((value, i) => Math.sin(step + i) + 0.1 * value + 0.01)
      await optimizer.step(gradients, 1)
    }
    const { numbers, tensors } = await optimizer.save()
    // In float32, a move of 1e-5 has two digits.
    expect((numbers?.d ?? 0) / 1.9622887297955832e-6).toBeCloseTo(1, 2)
    const moves = [-2.0613e-5, 4.51e-6, -1.041e-5, 7.024e-6, 4.306e-6, -1.952e-5, -2.015e-5, -1.82e-6]
    for (const [i, move] of moves.entries())
      expect(Math.abs((values[i] as number) - (START[i] as number) - move)).toBeLessThan(1e-6)
    // Values 0 and 4 of the matrix, and value 0 of the list.
    expect([tensors.s?.length, tensors.start]).toEqual([3, Float32Array.of(1, -0.25, 2)])
  })

  it("counts in the file's order", async () => {
    // The flat values have the matrix transposed.
    const parts = [{ name: "w", group: "w", shape: [2, 3], offset: 0, size: 6, strides: [1, 2] }]
    const values = Float32Array.of(0, 1, 2, 3, 4, 5)
    const optimizer = loadOptimizer(values, initOptimizer({ name: "prodigy" }), { name: "prodigy", sliceP: 2 }, parts)
    await optimizer.step(new Float32Array(6).fill(1), 1)
    // In the file: 0, 2, 4, 1, 3, 5.
    expect((await optimizer.save()).tensors.start).toEqual(Float32Array.of(0, 4, 3))
  })
})
