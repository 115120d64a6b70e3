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

it("refuses an even kernel", () => {
  expect(() => checkGradualLatent({ unsharp: { kernel: 4, sigma: 1, strength: 1 } })).toThrow(
    "kernel is 4, expected an odd number",
  )
})
