import { expect, it } from "vitest"
import { validationTimesteps } from "./validation-loss.ts"

it("measures held-out examples at four timesteps that cut their range evenly", () => {
  expect(validationTimesteps()).toEqual([200, 400, 600, 800])
  expect(validationTimesteps({ minTimestep: 500 })).toEqual([600, 700, 800, 900])
  expect(validationTimesteps({ maxTimestep: 500 })).toEqual([100, 200, 300, 400])
  expect(validationTimesteps({ minTimestep: 100, maxTimestep: 107 })).toEqual([101, 102, 104, 105])
})
