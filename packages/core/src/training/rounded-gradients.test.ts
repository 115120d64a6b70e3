import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { createPartFeedback } from "./part-feedback.ts"
import { ROUNDED_BLOCK, roundGradients, unroundGradients } from "./rounded-gradients.ts"

/** Gradients of a step, whose blocks have sizes that are far apart. */
function gradientsOf(step: number, size = 3 * ROUNDED_BLOCK + 5): Float32Array {
  return Float32Array.from(
    { length: size },
    (_, i) => Math.sin(i * 3 + step) * 10 ** (-9 * Math.floor(i / ROUNDED_BLOCK)),
  )
}

function rounded(values: Float32Array, before: Float32Array | null, after: Float32Array): Float32Array {
  const result = new Float32Array(values.length)
  unroundGradients(roundGradients(values, before, after), result)
  return result
}

describe("gradients in float16", () => {
  it("have 11 bits of the largest value of their block", () => {
    const values = gradientsOf(1)
    const after = new Float32Array(values.length)
    const result = rounded(values, null, after)
    expect(result).not.toEqual(values)
    for (let from = 0; from < values.length; from += ROUNDED_BLOCK) {
      const most = Math.max(...values.subarray(from, from + ROUNDED_BLOCK).map(Math.abs))
      for (let i = from; i < Math.min(values.length, from + ROUNDED_BLOCK); i++) {
        expect(Math.abs((result[i] ?? 0) - (values[i] ?? 0))).toBeLessThanOrEqual(most * 2 ** -11)
        expect((result[i] ?? 0) + (after[i] ?? 0)).toBeCloseTo(values[i] ?? 0, 12)
      }
    }
  })

  it("lose nothing over many steps, since what is left out comes back", () => {
    const size = 2 * ROUNDED_BLOCK
    const feedback = new Float32Array(size)
    const [exact, withIt, without] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)]
    const add = (sum: Float64Array, values: Float32Array): void => {
      for (const [i, value] of values.entries()) sum[i] = (sum[i] ?? 0) + value
    }
    for (let step = 0; step < 200; step++) {
      // A small drift beside large noise, which float16 alone would lose.
      const values = gradientsOf(step, size).map((value, i) => value + (i % 2 === 0 ? 1e-4 : 0) + (i === 0 ? 50 : 0))
      add(exact, values)
      add(withIt, rounded(values, feedback, feedback))
      add(without, rounded(values, null, new Float32Array(size)))
    }
    const errorOf = (sum: Float64Array): number => Math.max(...sum.map((value, i) => Math.abs(value - (exact[i] ?? 0))))
    for (const [i, value] of withIt.entries()) {
      expect(Math.abs(value + (feedback[i] ?? 0) - (exact[i] ?? 0))).toBeLessThan(1e-4)
    }
    expect(errorOf(withIt)).toBeLessThan(0.05)
    expect(errorOf(without)).toBeGreaterThan(3 * errorOf(withIt))
  })

  it("keep every float32 in sight, also tiny and large ones", () => {
    fc.assert(
      fc.property(
        fc.float32Array({ ...{ minLength: 1, maxLength: 40, noNaN: true }, ...{ min: -(2 ** 127), max: 2 ** 127 } }),
        (values) => {
          const most = Math.max(...values.map(Math.abs))
          const after = new Float32Array(values.length)
          const result = rounded(values, null, after)
          for (const [i, value] of result.entries()) {
            expect(Math.abs(value - (values[i] ?? 0))).toBeLessThanOrEqual(most * 2 ** -11 + 2 ** -140)
          }
        },
      ),
    )
  })

  it("keep nothing of a block that is not finite, and show that it is not", () => {
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const values = gradientsOf(1)
      values[3] = wrong
      const after = new Float32Array(values.length).fill(1)
      expect(rounded(values, null, after)[3]).toBe(wrong)
      expect(after.subarray(0, ROUNDED_BLOCK).every((value) => value === 0)).toBe(true)
      expect(after[ROUNDED_BLOCK + 1]).not.toBe(0)
    }
  })

  it("round blocks apart as they round them together", () => {
    const values = gradientsOf(4)
    const before = gradientsOf(5).map((value) => value / 1000)
    const whole = new Float32Array(values.length)
    const parts = new Float32Array(values.length)
    const together = rounded(values, before, whole)
    const at = 2 * ROUNDED_BLOCK
    for (const [from, to] of [
      [0, at],
      [at, values.length],
    ] as const) {
      const result = rounded(values.subarray(from, to), before.subarray(from, to), parts.subarray(from, to))
      expect(result).toEqual(together.slice(from, to))
    }
    expect(parts).toEqual(whole)
  })
})

describe("what is left out of a part", () => {
  it("is what it was before a batch that is computed again", () => {
    const feedback = createPartFeedback(Float32Array.of(1))
    const step = (batch: number): number | undefined => {
      const { before, after } = feedback.at(batch, 1)
      after[0] = (before?.[0] ?? 0) + 1
      return before?.[0]
    }
    expect([step(3), step(4), step(4), step(7)]).toEqual([1, 2, 2, 3])
    expect(feedback.asOf(8)).toEqual(Float32Array.of(4))
    expect(feedback.asOf(7)).toEqual(Float32Array.of(3))
  })
})
