import { describe, expect, it } from "vitest"
import { createNumpyRandom } from "./numpy.ts"
import { createNumpyGenerator } from "./numpy-generator.ts"

describe.each([
  ["RandomState", createNumpyRandom(3)],
  ["default_rng", createNumpyGenerator(3)],
] as const)("NumPy's %s", (_, random) => {
  it("gives normal numbers, with their tails", () => {
    const count = 100_000
    const values = Array.from({ length: count }, () => random.normal())
    const moment = (power: number): number => values.reduce((sum, value) => sum + value ** power, 0) / count
    // Four standard errors.
    expect(Math.abs(moment(1))).toBeLessThan(0.013)
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.018)
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.13)
    // Beyond the lowest layer of the ziggurat lie 26 of 100,000.
    const beyond = values.filter((value) => Math.abs(value) > 3.654)
    expect(Math.abs(beyond.length - 25.8)).toBeLessThan(21)
    expect(beyond.some((value) => value > 0) && beyond.some((value) => value < 0)).toBe(true)
  })
})

describe("whole numbers", () => {
  it("cover their range evenly", () => {
    const [state, generator] = [createNumpyRandom(1), createNumpyGenerator(1)]
    for (const draw of [() => state.randint(-2, 3), () => generator.integer(-2, 3)]) {
      const counts = new Map<number, number>()
      for (let i = 0; i < 5000; i++) {
        const value = draw()
        counts.set(value, (counts.get(value) ?? 0) + 1)
      }
      expect([...counts.keys()].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2])
      for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(120)
    }
  })

  it("refuse an impossible range, and a seed out of range", () => {
    expect(() => createNumpyRandom(1).randint(3, 3)).toThrow(/low < high, got 3 and 3/)
    expect(() => createNumpyGenerator(1).integer(0, 2 ** 40)).toThrow(/low < high/)
    expect(() => createNumpyRandom(2 ** 32)).toThrow(/expected a whole number from 0 to 2\^32 - 1/)
    expect(() => createNumpyGenerator(-1)).toThrow(/seed is -1/)
  })
})
