import { describe, expect, it } from "vitest"
import { createAdamWState, stepAdamW } from "./adamw.ts"

/** Four updates in float32 of `torch.optim.AdamW(lr=0.05, weight_decay=0.1)`, torch 2.8. */
const torch = {
  start: [1.5409960746765137, -0.293428897857666, -2.1787893772125244],
  gradients: [
    [0.005684312433004379, -0.010845223441720009, -0.013985954225063324],
    [0.040334682911634445, 0.08380263298749924, -0.07192575931549072],
    [-0.40334352850914, -0.5966353416442871, 0.18203648924827576],
    [-8.56674575805664, 11.006041526794434, -10.711874008178711],
  ],
  parameters: [
    [1.4832911491394043, -0.24196180701255798, -2.1178956031799316],
    [1.4343584775924683, -0.2733536660671234, -2.0643911361694336],
    [1.4557429552078247, -0.24389372766017914, -2.0713202953338623],
    [1.478593349456787, -0.2704298496246338, -2.0321707725524902],
  ],
}

describe("AdamW", () => {
  it("follows torch.optim.AdamW over gradients of very different size", () => {
    const parameters = Float32Array.from(torch.start)
    const state = createAdamWState(parameters.length)
    for (const [step, gradients] of torch.gradients.entries()) {
      stepAdamW(parameters, Float32Array.from(gradients), state, { learningRate: 0.05, weightDecay: 0.1 })
      for (const [i, value] of (torch.parameters[step] ?? []).entries()) {
        expect(Math.abs((parameters[i] as number) - value)).toBeLessThan(1e-6)
      }
    }
    expect(state.step).toBe(4)
  })

  it("continues bit for bit from a copy of its state", () => {
    const run = (from: number, to: number, parameters: Float32Array, state = createAdamWState(3)): typeof state => {
      for (let step = from; step < to; step++) {
        const gradients = Float32Array.from([Math.sin(step), Math.cos(3 * step), 1e-4 * step])
        stepAdamW(parameters, gradients, state, { learningRate: 1e-3 })
      }
      return state
    }
    const whole = Float32Array.of(1, -2, 3)
    run(0, 200, whole)
    const parts = Float32Array.of(1, -2, 3)
    const { step, m, v } = run(0, 137, parts)
    run(137, 200, parts, { step, m: m.slice(), v: v.slice() })
    expect(parts).toEqual(whole)
  })

  it("moves by the learning rate at the first step, whatever the gradient's size", () => {
    for (const size of [1e-3, 1, 1e3]) {
      const parameters = Float32Array.of(0)
      stepAdamW(parameters, Float32Array.of(size), createAdamWState(1), { learningRate: 0.01 })
      expect(parameters[0]).toBeCloseTo(-0.01, 6)
    }
  })

  it("shrinks a parameter without a gradient by the decay alone", () => {
    const parameters = Float32Array.of(2)
    stepAdamW(parameters, Float32Array.of(0), createAdamWState(1), { learningRate: 0.1, weightDecay: 0.5 })
    expect(parameters[0]).toBeCloseTo(1.9, 6)
  })

  it("leaves the gradients alone", () => {
    const gradients = Float32Array.of(1, 2)
    stepAdamW(new Float32Array(2), gradients, createAdamWState(2), { learningRate: 0.1 })
    expect(gradients).toEqual(Float32Array.of(1, 2))
  })

  it("refuses arrays that do not belong together and options out of range, before it changes anything", () => {
    const parameters = Float32Array.of(1, 1)
    const state = createAdamWState(2)
    const step = (gradients: number, options: object): void =>
      stepAdamW(parameters, new Float32Array(gradients).fill(1), state, { learningRate: 0.1, ...options })
    expect(() => step(3, {})).toThrow(/gradients has 3 values, the parameters have 2/)
    expect(() => step(2, { learningRate: -1 })).toThrow(/learningRate/)
    expect(() => step(2, { beta1: 1 })).toThrow(/beta1/)
    expect(() => step(2, { weightDecay: Number.NaN })).toThrow(/weightDecay/)
    expect(state.step).toBe(0)
    expect(parameters).toEqual(Float32Array.of(1, 1))
  })
})
