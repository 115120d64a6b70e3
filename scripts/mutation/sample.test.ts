import { describe, expect, it } from "vitest"
import { interval, isInSample } from "./sample.mjs"

const mutants = Array.from({ length: 4000 }, (_, i) => ({
  fileName: `/somewhere/packages/core/src/file-${i % 7}.ts`,
  location: { start: { line: i, column: i % 80 } },
  mutatorName: "BooleanLiteral",
  replacement: i % 2 === 0 ? "true" : "false",
}))

describe("a sample of mutants", () => {
  it("has about its share of them, and every mutant of a smaller sample", () => {
    const [some, more] = [0.1, 0.3].map((share) => mutants.filter((mutant) => isInSample(mutant, share)))
    // Four deviations of a binomial count: 400 ± 76, 1200 ± 116.
    expect(Math.abs((some?.length ?? 0) - 400)).toBeLessThan(76)
    expect(Math.abs((more?.length ?? 0) - 1200)).toBeLessThan(116)
    expect(some?.every((mutant) => more?.includes(mutant))).toBe(true)
    expect(mutants.every((mutant) => isInSample(mutant))).toBe(true)
  })

  it("is the same in any copy of the project", () => {
    const copied = mutants.map((mutant) => ({ ...mutant, fileName: mutant.fileName.replace("/somewhere/", "D:\\a\\") }))
    expect(copied.map((mutant) => isInSample(mutant, 0.2))).toEqual(mutants.map((mutant) => isInSample(mutant, 0.2)))
  })
})

describe("the interval of a score", () => {
  it.each([
    // Wilson's score, as statsmodels' proportion_confint gives it.
    [90, 100, 0.8256, 0.9448],
    [10, 10, 0.7225, 1],
    [0, 10, 0, 0.2775],
    [0, 0, 0, 1],
  ])("of %i of %i is %f to %f", (found, sampled, from, to) => {
    const given = interval(found, sampled)
    expect(given.from).toBeCloseTo(from, 4)
    expect(given.to).toBeCloseTo(to, 4)
  })
})
