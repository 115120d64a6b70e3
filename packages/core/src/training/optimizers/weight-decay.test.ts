import { describe, expect, it } from "vitest"
import type { ValuePart } from "../value-part.ts"
import { initOptimizer, loadOptimizer, type OptimizerChoice } from "./index.ts"
import type { Optimizer } from "./optimizer.ts"

const DECAY = 0.3
const STEPS = 6
const START = Float32Array.of(1, -2, 3, 0.5, -0.25, 4, 2, -1)
const PARTS: readonly ValuePart[] = [{ name: "w", group: "w", shape: [2, 4], offset: 0, size: 8 }]

const gradientsAt = (step: number): Float32Array => START.map((_, i) => Math.sin(1 + step + 2 * i))

/** An optimiser with its values, without 8-bit parts, whose blocks are larger than this. */
function begin(choice: object, weightDecay: number): { readonly values: Float32Array; readonly optimizer: Optimizer } {
  const values = START.slice()
  const whole = { ...choice, weightDecay } as OptimizerChoice
  return { values, optimizer: loadOptimizer(values, initOptimizer(whole), whole, PARTS) }
}

const close = (values: Float32Array, expected: Iterable<number>): void => {
  for (const [i, value] of [...expected].entries()) expect(values[i]).toBeCloseTo(value, 4)
}

/** How far the values have moved, so that equal values mean something. */
const farthest = (values: Float32Array): number =>
  values.reduce((most, value, i) => Math.max(most, Math.abs(value - (START[i] as number))), 0)

describe("weight decay that is coupled", () => {
  it.each([
    { name: "adam" },
    { name: "sgd" },
    { name: "sgd", momentum: 0.9, dampening: 0.3 },
    { name: "sgd", momentum: 0.9, nesterov: true },
    { name: "sgdnesterov8bit", momentum: 0.9 },
    { name: "adadelta", epsilon: 0.5 },
    { name: "adagrad" },
    { name: "adagrad", lrDecay: 0.5 },
    { name: "adamax" },
    { name: "asgd" },
    { name: "nadam" },
    { name: "radam" },
    { name: "rmsprop" },
    { name: "rmsprop", momentum: 0.5, centered: true },
    { name: "prodigy", decouple: false, d0: 0.05 },
    { name: "dadaptadam", d0: 0.05 },
    { name: "dadaptadagrad", d0: 0.05 },
  ])("acts as a gradient of the decay times the value: $name", async (choice) => {
    const rate = /^dadapt|^prodigy/.test(choice.name) ? 1 : 0.05
    const decaying = begin(choice, DECAY)
    const plain = begin(choice, 0)
    for (let step = 0; step < STEPS; step++) {
      const gradients = gradientsAt(step)
      await decaying.optimizer.step(gradients, rate)
      await plain.optimizer.step(
        gradients.map((gradient, i) => gradient + DECAY * (plain.values[i] as number)),
        rate,
      )
      close(decaying.values, plain.values)
    }
    expect(farthest(decaying.values)).toBeGreaterThan(0.05)
  })
})

describe("weight decay that is decoupled", () => {
  it.each([
    { name: "adamw" },
    { name: "adamw8bit" },
    { name: "lion" },
    { name: "lion8bit" },
    { name: "came" },
    { name: "nadam", decoupledWeightDecay: true },
    { name: "radam", decoupledWeightDecay: true },
    { name: "adafactor", relativeStep: false, scaleParameter: false },
  ])("shrinks a value by the rate times the decay, beside its move: $name", async (choice) => {
    const rate = 0.05
    const decaying = begin(choice, DECAY)
    const plain = begin(choice, 0)
    for (let step = 0; step < STEPS; step++) {
      const [before, from] = [decaying.values.slice(), plain.values.slice()]
      await decaying.optimizer.step(gradientsAt(step), rate)
      await plain.optimizer.step(gradientsAt(step), rate)
      const moved = plain.values.map((value, i) => value - (from[i] as number))
      close(
        decaying.values,
        before.map((value, i) => value * (1 - rate * DECAY) + (moved[i] as number)),
      )
    }
    expect(farthest(decaying.values)).toBeGreaterThan(0.05)
  })
})
