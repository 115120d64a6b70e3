import { enumerateSites } from "@lllite/format/selections"
import { describe, expect, it } from "vitest"
import { LLLITE } from "./lllite-trainable.ts"
import { OPTIMIZERS, type OptimizerChoice, type OptimizerName } from "./optimizers/index.ts"
import { type GradientSource, train } from "./train.ts"
import { createTrainState, type TrainState } from "./train-state.ts"

const LAYOUT = { modelChannels: 4, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 } as const
const SITES = enumerateSites(LAYOUT).slice(0, 2)
const EXAMPLES = Array.from({ length: 3 }, () => ({ width: 64, height: 64 }))

/** Gradients that do not depend on the values, so that parts do not depend on each other. */
const gradients: GradientSource = async ({ values }, tasks) =>
  tasks.map(({ step }) => ({ loss: 1, gradients: values.map((_, i) => Math.sin(i + step)) }))

async function run(
  learningRate: number,
  optimizer: OptimizerChoice,
  partRates?: Readonly<Record<string, number>>,
): Promise<TrainState> {
  const state = createTrainState(SITES, { condDim: 2, mlpDim: 3 }, 1)
  const machine = { gradients, parts: LLLITE.parts(state.model) }
  const options = { steps: 4, batchSize: 2, seed: 1, learningRate, optimizer, maxGradNorm: 0 }
  const steps = train({ ...state, optimizer: { ...state.optimizer, name: optimizer.name } }, EXAMPLES, machine, {
    ...options,
    ...(partRates === undefined ? {} : { partRates }),
  })
  for (;;) {
    const next = await steps.next()
    if (next.done === true) return next.value
  }
}

const hasRates = (Object.keys(OPTIMIZERS) as OptimizerName[]).filter(
  (name) => !("hasOneRate" in OPTIMIZERS[name]) && !name.includes("adafactor") && name !== "came",
)

describe("rates of parts", () => {
  it.each(hasRates)("move parts with %s as a run at their rate does", async (name) => {
    // Some rules have several names.
    const optimizer = { name } as OptimizerChoice
    const [mixed, whole, half] = [
      await run(0.01, optimizer, { up: 0.5, mid: 0 }),
      await run(0.01, optimizer),
      await run(0.005, optimizer),
    ]
    const begin = createTrainState(SITES, { condDim: 2, mlpDim: 3 }, 1).model
    for (const part of LLLITE.parts(mixed.model)) {
      const like = part.group === "up" ? half.model : part.group === "mid" ? begin : whole.model
      const [ours, theirs] = [LLLITE.tensor(mixed.model, part), LLLITE.tensor(like, part)]
      const error = ours.reduce((most, value, i) => Math.max(most, Math.abs(value - (theirs[i] as number))), 0)
      expect(error, part.name).toBeLessThan(part.group === "up" ? 2e-6 : 1e-12)
    }
  })

  it("are refused for optimisers with one rate, for unknown groups and below zero", async () => {
    await expect(run(0.01, { name: "prodigy" }, { up: 0.5 })).rejects.toThrow(/"prodigy": its steps are not/)
    await expect(run(0.01, { name: "adamw" }, { head: 0.5 })).rejects.toThrow(
      /"head", expected groups of the model: con/,
    )
    await expect(run(0.01, { name: "adamw" }, { up: -1 })).rejects.toThrow(/up is -1, expected a number from 0/)
  })
})
