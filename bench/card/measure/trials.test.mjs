import { expect, it } from "vitest"
import { startTrials } from "./trials.mjs"

it("goes on after a failure, writes it with what failed, and fails at the end", async () => {
  const rows = []
  const trials = startTrials((row) => rows.push(row))
  await trials.run({ kernel: "a" }, async () => {
    throw new Error("a wrong value")
  })
  await trials.run({ kernel: "b" }, async () => rows.push({ kernel: "b", seconds: 1 }))
  expect(rows).toEqual([
    { kernel: "a", error: "a wrong value" },
    { kernel: "b", seconds: 1 },
  ])
  expect(() => trials.end()).toThrow(/1 of 2 failed/)
})
