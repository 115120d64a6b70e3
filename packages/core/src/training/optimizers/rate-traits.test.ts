import { describe, expect, it } from "vitest"
import { OPTIMIZERS, type OptimizerChoice, type OptimizerName } from "./index.ts"
import { followsCurve, hasOwnRate, optimizerNotices, ownScheduleNotice } from "./rate-traits.ts"

const NAMES = { optimizer: "--optimizer_type", rate: "--learning_rate", chosen: "Chosen", relative: " Or not." }
const choices = (Object.keys(OPTIMIZERS) as OptimizerName[]).map((name) => ({ name }) as OptimizerChoice)
const namesWhere = (holds: (choice: OptimizerChoice) => boolean): string[] =>
  choices.filter(holds).map(({ name }) => name)

describe("how optimisers use the learning rate", () => {
  it("is not at all for adafactor with relative steps, which it has by default", () => {
    expect(namesWhere(hasOwnRate)).toEqual(["adafactor"])
    expect(hasOwnRate({ name: "adafactor", relativeStep: true })).toBe(true)
    expect(hasOwnRate({ name: "adafactor", relativeStep: false })).toBe(false)
  })

  it("follows no curve there, and in optimisers without a schedule", () => {
    const own = namesWhere((choice) => !followsCurve(choice))
    expect(own).toContain("adafactor")
    expect(own.filter((name) => name !== "adafactor").every((name) => name.endsWith("schedulefree"))).toBe(true)
    expect(own.length).toBe(1 + choices.filter(({ name }) => name.includes("schedulefree")).length)
    expect(followsCurve({ name: "adafactor", relativeStep: false })).toBe(true)
    expect(ownScheduleNotice("--lr_scheduler", { name: "adamwschedulefree" })).toBe(
      "--lr_scheduler has no effect: adamwschedulefree has its own schedule.",
    )
  })
})

describe("notices about an optimiser", () => {
  const notices = (choice: OptimizerChoice, rate: number): readonly string[] => optimizerNotices(choice, rate, NAMES)

  it("are none for AdamW", () => expect(notices({ name: "adamw" }, 1e-5)).toEqual([]))

  it("say that 8 bits are kept, of those that keep 8 bits", () => {
    const said = "--optimizer_type is Chosen, which keeps 8 bits of its means. AdamW keeps 32, and an LLLite is small."
    expect(notices({ name: "adamw8bit" }, 1)).toEqual([said])
    expect(namesWhere((choice) => notices(choice, 1).includes(said))).toEqual(
      namesWhere(({ name }) => name.includes("8bit")),
    )
  })

  it("say that the rate has no effect, where it has none", () => {
    const said = "--learning_rate has no effect: the steps of adafactor follow from their number. Or not."
    expect(notices({ name: "adafactor" }, 1)).toEqual([said])
    expect(notices({ name: "adafactor", relativeStep: false }, 1)).toEqual([])
  })

  it("say that a rate is low, of those that find the size of their steps", () => {
    const low = (choice: OptimizerChoice, rate: number): boolean =>
      notices(choice, rate).some((text) => text.includes("which is usually 1"))
    const finding = namesWhere((choice) => low(choice, 0.1))
    expect(finding).toEqual(namesWhere(({ name }) => /^(prodigy|dadapt)/.test(name)))
    expect(finding).toContain("prodigy")
    expect(finding.length).toBeGreaterThan(3)
    expect(low({ name: "prodigy" }, 0.11)).toBe(false)
    expect(notices({ name: "prodigy" }, 1e-4)).toEqual([
      "--learning_rate is 0.0001. prodigy finds the size of its steps and multiplies it with the rate, which is usually 1.",
    ])
  })
})
