import { expect, it } from "vitest"
import { sampleTime } from "./sample-settings.ts"

it("names the pictures of an epoch by it, also at the end of the run, and others by their step", () => {
  expect([0, 10, 15, 20].map((step) => sampleTime({ epochs: 1 }, step, 10))).toEqual([
    { step: 0 },
    { epoch: 1 },
    { step: 15 },
    { epoch: 2 },
  ])
  // The end of the third epoch is not a time of samples.
  expect(sampleTime({ epochs: 2 }, 30, 10)).toEqual({ step: 30 })
  expect(sampleTime({ steps: 10 }, 20, 10)).toEqual({ step: 20 })
  expect(sampleTime(null, 20, 10)).toEqual({ step: 20 })
})
