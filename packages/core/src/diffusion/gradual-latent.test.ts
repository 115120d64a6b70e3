import fc from "fast-check"
import { expect, it } from "vitest"
import { checkGradualLatent, gradualSizes } from "./gradual-latent.ts"

const full = { height: 104, width: 152 }
const timestepsOf = (steps: number): readonly number[] =>
  Array.from({ length: steps }, (_, i) => 999 * (1 - i / Math.max(1, steps - 1)))

it("ends at the full size and never shrinks, with any settings and number of steps", () => {
  fc.assert(
    fc.property(
      fc.record({
        timestep: fc.integer({ min: 0, max: 1000 }),
        ratio: fc.double({ min: 0.1, max: 0.95, noNaN: true }),
        ratioStep: fc.double({ min: 0.02, max: 1, noNaN: true }),
        everySteps: fc.integer({ min: 1, max: 9 }),
      }),
      fc.integer({ min: 1, max: 60 }),
      (gradual, steps) => {
        const { start, growth } = gradualSizes(gradual, timestepsOf(steps), full)
        expect(growth).toHaveLength(steps)
        const sizes = [start, ...growth.filter((size) => size !== null)]
        expect(sizes.at(-1)).toEqual(full)
        // Sides between are cut to multiples of 8.
        for (const [i, { width }] of sizes.slice(1).entries()) expect(width).toBeGreaterThan((sizes[i]?.width ?? 0) - 8)
      },
    ),
  )
})

it("follows sd-scripts' rules where they lead to the full size", () => {
  const gradual = { timestep: 900, ratio: 0.5, ratioStep: 0.25, everySteps: 1 }
  const ours = gradualSizes(gradual, timestepsOf(12), full)
  expect(ours).toEqual(gradualSizes(gradual, timestepsOf(12), full, true))
})

it("grows by its step, at the first step below its timestep and then at every nth", () => {
  const sides = (...factors: readonly number[]) =>
    factors.map((factor) => ({ height: 128 * factor, width: 256 * factor }))
  const [first, half, last] = sides(0.5, 0.75, 1)
  const timesteps = [999, 900, 800, 700, 600, 500, 400, 300, 200, 100]
  const gradual = { timestep: 800, ratio: 0.5, ratioStep: 0.25, everySteps: 3 }
  const none = null
  for (const isCopied of [false, true]) {
    expect(gradualSizes(gradual, timesteps, { height: 128, width: 256 }, isCopied)).toEqual({
      start: first,
      growth: [none, none, none, half, none, none, last, none, none, none],
    })
  }
  // Two steps are left, so the second growth comes at once.
  expect(gradualSizes(gradual, timesteps.slice(0, 5), { height: 128, width: 256 })).toEqual({
    start: first,
    growth: [none, none, none, half, last],
  })
  expect(gradualSizes(gradual, timesteps.slice(0, 5), { height: 128, width: 256 }, true).growth).toEqual([
    ...[none, none, none, half, none],
  ])
  // One step is left, so it grows by all.
  expect(gradualSizes(gradual, timesteps.slice(0, 4), { height: 128, width: 256 }).growth).toEqual([
    ...[none, none, none, last],
  ])
  // None is left: the last step grows.
  expect(gradualSizes(gradual, timesteps.slice(0, 3), { height: 128, width: 256 }).growth).toEqual([none, none, last])
})

it("cuts the sides between to multiples of 8, and at least 8", () => {
  const gradual = { timestep: 1000, ratio: 0.3, ratioStep: 0.2, everySteps: 1 }
  expect(gradualSizes(gradual, [900, 800, 700, 600], { height: 10, width: 100 })).toEqual({
    start: { height: 3, width: 30 },
    growth: [
      { height: 8, width: 48 },
      { height: 8, width: 64 },
      { height: 8, width: 88 },
      { height: 10, width: 100 },
    ],
  })
})

it("refuses numbers out of their ranges", () => {
  expect(() => checkGradualLatent({})).not.toThrow()
  expect(() => checkGradualLatent({ unsharp: { kernel: 3, sigma: 1, strength: -1 } })).not.toThrow()
  expect(() => checkGradualLatent({ ratio: 1 })).toThrow("ratio is 1")
  expect(() => checkGradualLatent({ unsharp: { kernel: 3, sigma: 0, strength: 1 } })).toThrow("sigma is 0")
})

it("refuses an even kernel", () => {
  expect(() => checkGradualLatent({ unsharp: { kernel: 4, sigma: 1, strength: 1 } })).toThrow(
    "kernel is 4, expected an odd number",
  )
})
