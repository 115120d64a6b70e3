import { describe, expect, it } from "vitest"
import { initOptimizer, loadOptimizer, OPTIMIZERS, type OptimizerChoice, type OptimizerName } from "./index.ts"
import type { OptimizerState } from "./optimizer.ts"

const NAMES = Object.keys(OPTIMIZERS) as OptimizerName[]
const START = Float32Array.of(1, -2, 3)

const gradientsAt = (step: number): Float32Array => Float32Array.of(Math.sin(step), Math.cos(3 * step), 1e-4 * step)

async function run(values: Float32Array, state: OptimizerState, from: number, to: number): Promise<OptimizerState> {
  const optimizer = loadOptimizer(values, state, { name: state.name as OptimizerName })
  for (let step = from; step < to; step++) await optimizer.step(gradientsAt(step), 1e-3)
  const saved = await optimizer.save()
  optimizer.dispose()
  return saved
}

describe.each(NAMES)("the optimiser %s", (name) => {
  it("is listed by its name", () => {
    expect(OPTIMIZERS[name].name).toBe(name)
    expect(initOptimizer({ name }, 3)).toMatchObject({ name, step: 0 })
  })

  it("continues bit for bit from what it saved", async () => {
    const [whole, parts] = [START.slice(), START.slice()]
    const atOnce = await run(whole, initOptimizer({ name }, 3), 0, 200)
    const half = structuredClone(await run(parts, initOptimizer({ name }, 3), 0, 137))
    const resumed = await run(parts, half, 137, 200)
    expect(parts).toEqual(whole)
    expect(resumed).toEqual(atOnce)
    expect(resumed.step).toBe(200)
    expect(whole).not.toEqual(START)
  })

  it("leaves the gradients alone", async () => {
    const gradients = Float32Array.of(1, 2, 3)
    await loadOptimizer(START.slice(), initOptimizer({ name }, 3), { name }).step(gradients, 0.1)
    expect(gradients).toEqual(Float32Array.of(1, 2, 3))
  })

  it("refuses values and states that do not fit, before it changes them", async () => {
    const values = START.slice()
    const state = initOptimizer({ name }, 3)
    const load = (values: Float32Array, state: OptimizerState, options: object = {}): unknown =>
      loadOptimizer(values, state, { name, ...options })
    for (const tensor of Object.keys(state.tensors)) {
      expect(() => load(new Float32Array(4), state)).toThrow(`its "${tensor}" has 3 values, the parameters have 4`)
      break
    }
    expect(() => load(values, { ...state, name: "other" })).toThrow(`"${name}": the state is of "other"`)
    expect(() => load(values, state, { momentums: 1 })).toThrow(`optimizer "${name}": no option "momentums"`)
    for (const option of Object.keys(OPTIMIZERS[name].options)) {
      expect(() => load(values, state, { [option]: Number.NaN })).toThrow(`${option} is NaN, expected a number`)
    }
    const optimizer = loadOptimizer(values, state, { name })
    expect(() => optimizer.step(new Float32Array(4), 0.1)).toThrow("4 gradients, expected one for each of 3 values")
    expect(() => optimizer.step(new Float32Array(3), -1)).toThrow(
      "learningRate is -1, expected a number from 0 to 1000",
    )
    expect((await optimizer.save()).step).toBe(0)
    expect(values).toEqual(START)
  })
})

it("refuses an unknown optimiser by name", () => {
  for (const name of ["plain", "toString", "__proto__"]) {
    expect(() => initOptimizer({ name } as OptimizerChoice, 1)).toThrow(
      `optimizer: there is no "${name}". There are: ${NAMES.join(", ")}.`,
    )
  }
})
