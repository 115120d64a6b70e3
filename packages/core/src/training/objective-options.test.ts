import { describe, expect, it } from "vitest"
import { checkObjective, type ObjectiveOptions } from "./objective-options.ts"

const refusal = (options: unknown): string => {
  try {
    checkObjective(options as ObjectiveOptions)
  } catch (error) {
    return (error as Error).message
  }
  return "taken"
}

describe("options of an objective", () => {
  it.each([
    ["nothing", {}],
    ["all timesteps", { minTimestep: 0, maxTimestep: 1000 }],
    ["one timestep", { minTimestep: 999 }],
    ["the first timestep alone", { maxTimestep: 1 }],
    ["every loss", { loss: "smooth_l1" }],
    ["a Huber schedule", { loss: "huber", huber: { schedule: "constant", delta: 0.1 } }],
    ["a strength range", { strengthRange: { min: 0.5 } }],
    ["noise", { noise: { offset: 0.1 } }],
    ["an offset that adapts", { noise: { offset: 0.1, adaptiveOffset: 0.1 } }],
    ["an adaptive offset of nothing", { noise: { adaptiveOffset: 0 } }],
    ["weights", { weights: { minSnrGamma: 5 } }],
    ["dropout", { dropout: 0.5 }],
  ])("may be %s", (_, options) => expect(refusal(options)).toBe("taken"))

  it.each([
    ["a first timestep at the last", { minTimestep: 500, maxTimestep: 500 }, "expected minTimestep below maxTimestep"],
    ["a first timestep at the end", { minTimestep: 1000 }, "minTimestep is 1000"],
    ["a timestep beyond the schedule", { maxTimestep: 1001 }, "maxTimestep is 1001"],
    ["a broken timestep", { minTimestep: 0.5 }, "minTimestep is 0.5, expected a whole number"],
    ["an unknown loss", { loss: "l3" }, 'no loss "l3". There are: l2'],
    ["a name of all objects", { loss: "toString" }, 'no loss "toString"'],
    ["an unknown Huber schedule", { huber: { schedule: "linear" } }, 'no Huber schedule "linear". There are:'],
    ["a wrong number of a Huber loss", { huber: { schedule: "snr", delta: 0 } }, "objective.huber: delta is 0"],
    ["dropout of everything", { dropout: 1 }, "objective: dropout is 1"],
    ["a wrong strength range", { strengthRange: { power: 0 } }, "objective.strengthRange: power is 0"],
    ["wrong noise", { noise: { offset: Number.POSITIVE_INFINITY } }, "offset is Infinity"],
    ["an adaptive offset alone", { noise: { adaptiveOffset: 0.1 } }, "adaptiveOffset needs an offset"],
    ["wrong weights", { weights: { minSnrGamma: -1 } }, "objective.weights: minSnrGamma is -1"],
  ])("may not be %s", (_, options, said) => expect(refusal(options)).toContain(said))
})
