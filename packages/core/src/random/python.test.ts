import { describe, expect, it } from "vitest"
import { createPythonRandom } from "./python.ts"

describe("Python's random numbers", () => {
  // Of CPython 3.11: r = random.Random(42); [r.randint(0, 2**32 - 1), r.randint(1, 6), r.sample(range(8), 8), …]
  it("are those of CPython", () => {
    const random = createPythonRandom(42)
    expect([random.randint(0, 2 ** 32 - 1), random.randint(1, 6), random.randint(5, 5)]).toEqual([2746317213, 1, 5])
    expect(random.sample([0, 1, 2, 3, 4, 5, 6, 7], 8)).toEqual([3, 1, 6, 0, 4, 2, 5, 7])
    expect(random.sample(range(1000), 6)).toEqual([30, 95, 223, 238, 517, 616])
    expect(random.randint(0, 2 ** 52)).toBe(3778697387657462)
    expect(createPythonRandom(-(2n ** 70n)).randint(0, 999)).toBe(238)
  })

  it("refuse what has no answer", () => {
    const random = createPythonRandom(1)
    expect(() => random.randint(2, 1)).toThrow(/low ≤ high, got 2 and 1/)
    expect(() => random.sample([1], 2)).toThrow(/a sample of 2, expected 0 to 1/)
    expect(() => createPythonRandom(0.5)).toThrow(/the seed is 0.5/)
  })
})

const range = (length: number): readonly number[] => Array.from({ length }, (_, i) => i)
