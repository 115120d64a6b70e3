import { enumerateSites } from "@lllite/format/selections"
import { expect, it } from "vitest"
import { scaleEffect } from "./scale-effect.ts"
import { createTrainState } from "./train-state.ts"

const layout = { modelChannels: 32, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 } as const

it("multiplies the last layers alone, and takes the average of a run that has one", () => {
  const fresh = createTrainState(enumerateSites(layout), { condDim: 4, mlpDim: 4 }, 1)
  const average = fresh.model.values.map((_, i) => i + 1)
  const { model, ...run } = scaleEffect({ ...fresh, step: 7, average }, 0.5)
  expect(run).not.toHaveProperty("average")
  expect(run.step).toBe(7)
  for (const { name, offset, size } of model.slots) {
    const factor = name.startsWith("up.") ? 0.5 : 1
    const expected = average.subarray(offset, offset + size).map((value) => factor * value)
    expect(model.values.subarray(offset, offset + size), name).toEqual(expected)
  }
  expect(fresh.model.values).not.toEqual(model.values)
})
