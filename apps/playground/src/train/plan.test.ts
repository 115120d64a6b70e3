import { describe, expect, it } from "vitest"
import { englishOf } from "../../test/words.ts"
import { duration } from "../language/english/train.ts"
import { drawPairs, splitPairs, type TrainingPair } from "./pairs.ts"
import { planText, runNeed } from "./plan.ts"

const MIB = 2 ** 20
const need = {
  ...{ weightBytes: 30 * MIB, seconds: { pair: 0.5, step: 1 } },
  phases: [
    { name: "VAE", bytes: 100 * MIB },
    { name: "training step", bytes: 236 * MIB },
  ],
} as const
const settings = { steps: 120, batchSize: 8, sampleEvery: 20, strengths: "one" } as const

describe("the plan of a run", () => {
  it("says pairs, steps, time and memory", () => {
    const split = splitPairs(drawPairs(16, "canny"), "canny")
    const found = runNeed(need, settings, split, 2 ** 32)
    // 16 pairs, 120 steps, and 5 samples and 6 held-out pictures of 8 guided steps.
    expect(found.seconds).toBeCloseTo(8 + 120 + (11 * 16) / 24, 6)
    // A range takes a third more in each step, for one more pass.
    expect(runNeed(need, { ...settings, strengths: "range" }, split, 2 ** 32).seconds - found.seconds).toBeCloseTo(
      40,
      6,
    )
    expect(englishOf(planText(found, settings, split, 1))).toBe(
      "16 pairs, 120 steps, about 2 minutes, 236 MiB of memory.",
    )
    expect(englishOf(planText(found, settings, split, 10))).toContain("about 23 minutes")
    expect(englishOf(planText({ ...found, fits: false }, settings, split, 1))).toContain(
      "does not fit: WebAssembly has 4,096 MiB.",
    )
  })

  it("counts the pairs that are held out, where the controls are the user's", () => {
    const own = drawPairs(12, "canny").map((pair): TrainingPair => ({ ...pair, isMade: false }))
    const split = splitPairs(own, "canny")
    const planned = (of: typeof split): string =>
      englishOf(planText(runNeed(need, settings, of, 2 ** 32), settings, of, 1))
    expect(planned(split)).toMatch(/^9 pairs and 3 held out, /)
    const few = splitPairs(own.slice(0, 2), "canny")
    expect(few.trained).toHaveLength(2)
    expect(planned(few)).toMatch(/^2 pairs, /)
  })

  it.each([
    [0.2, "a second"],
    [7.2, "8 seconds"],
    [41, "45 seconds"],
    [119, "2 minutes"],
    [12_600, "3.5 hours"],
  ])("says %d seconds as %s", (seconds, text) => {
    expect(duration(seconds)).toBe(text)
  })
})
