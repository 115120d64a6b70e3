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

  // random.Random(seed).random() of CPython 3.11
  it.each([
    ["text seed", 0.6738372346382432],
    ["", 0.9602256525641875],
    ["é\u2028", 0.9440844409869048],
    [-2.75, 0.1501979193521198],
    [0.1, 0.8062579873336703],
    [1e300, 0.2614143642581235],
  ])("take the seed %j as CPython does", (seed, first) => {
    expect(createPythonRandom(seed).random()).toBe(first)
  })

  it("shuffle, and choose with return", () => {
    const random = createPythonRandom(7)
    const list = range(40)
    expect([...random.shuffled(list)].sort((a, b) => a - b)).toEqual(list)
    for (const entry of random.choices(list, 100)) expect(list).toContain(entry)
  })

  it("refuse what has no answer", () => {
    const random = createPythonRandom(1)
    expect(() => random.randint(2, 1)).toThrow(/low ≤ high, got 2 and 1/)
    expect(() => random.sample([1], 2)).toThrow(/a sample of 2, expected 0 to 1/)
    expect(() => createPythonRandom(Number.NaN)).toThrow(/the seed is NaN, expected a finite number or a text/)
    expect(() => random.choice([])).toThrow(/the list is empty/)
    expect(() => random.choices([], 1)).toThrow(/the list is empty/)
    expect(() => random.randrange(3, 3)).toThrow(/expected a range of whole numbers, got 3 to 3/)
    expect(() => random.getrandbits(-1)).toThrow(/-1 bits/)
  })
})

const range = (length: number): readonly number[] => Array.from({ length }, (_, i) => i)
