import { describe, expect, it } from "vitest"
import type { AdamWSettings } from "./adam.ts"
import { initOptimizer, loadOptimizer } from "./index.ts"

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

const begin = (values: Float32Array, options: Partial<AdamWSettings> = {}) =>
  loadOptimizer(values, initOptimizer({ name: "adamw" }), { name: "adamw", ...options })

describe("AdamW", () => {
  it("follows torch.optim.AdamW over gradients of very different size", async () => {
    const values = Float32Array.from(torch.start)
    const optimizer = begin(values, { weightDecay: 0.1 })
    for (const [step, gradients] of torch.gradients.entries()) {
      await optimizer.step(Float32Array.from(gradients), 0.05)
      for (const [i, value] of (torch.parameters[step] ?? []).entries()) {
        expect(Math.abs((values[i] as number) - value)).toBeLessThan(1e-6)
      }
    }
    expect((await optimizer.save()).step).toBe(4)
  })

  it("moves by the learning rate at the first step, for gradients of any size", () => {
    for (const size of [1e-3, 1, 1e3]) {
      const values = Float32Array.of(0)
      begin(values).step(Float32Array.of(size), 0.01)
      expect(values[0]).toBeCloseTo(-0.01, 6)
    }
  })

  it("shrinks a value without a gradient by the decay alone", () => {
    const values = Float32Array.of(2)
    begin(values, { weightDecay: 0.5 }).step(Float32Array.of(0), 0.1)
    expect(values[0]).toBeCloseTo(1.9, 6)
  })
})
