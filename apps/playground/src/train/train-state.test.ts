import { createLllite } from "@lllite/core/models"
import { createStream } from "@lllite/core/random"
import { DivergedError } from "@lllite/core/runtime"
import { beginTraining } from "@lllite/core/training"
import { SDXL_LAYOUT } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import { expect, it } from "vitest"
import type { TrainingModel } from "./train-state.ts"
import { SAMPLE_EVERY, sampleProblem, samples, settings, startTraining, trained, trainState } from "./train-state.ts"

const sites = enumerateSites(SDXL_LAYOUT).slice(0, 1)
const stateOf = (step: number) => ({
  ...beginTraining(createLllite(sites, { condDim: 2, mlpDim: 2 }, createStream(step, "init"))),
  step,
})

/** A model whose training fails after some steps, and whose samples all fail. */
function failing(steps: number, error: Error): TrainingModel {
  const event = { kind: "step", steps: 100, loss: 1, learningRate: 1, gradientNorm: 1 } as const
  return {
    runtime: { loadAdapter: async () => ({ adapters: [], notices: [], dispose: async () => {} }) },
    sdxl: {
      layout: SDXL_LAYOUT,
      // biome-ignore lint/correctness/useYield: it fails before the first
      async *generate() {
        throw new Error("no room for a sample")
      },
      async *train() {
        for (let step = 1; step <= steps; step++) {
          yield { ...event, step, state: step % SAMPLE_EVERY === 0 ? stateOf(step) : null }
        }
        throw error
      },
    },
  }
}

it("keeps the state of a run that diverged, though every sample failed", async () => {
  const state = stateOf(SAMPLE_EVERY + 3)
  await startTraining(failing(SAMPLE_EVERY + 3, new DivergedError("loss-not-finite", "the loss is NaN", state)))
  expect(trainState.value).toEqual({ phase: "failed", message: "the loss is NaN" })
  expect(trained.value).toEqual({ lllite: state.model, step: SAMPLE_EVERY + 3 })
  expect(samples.value).toEqual([])
  expect(sampleProblem.value).toBe(`The sample of step ${SAMPLE_EVERY} failed: no room for a sample`)
})

it("keeps the run as it was at the last sample when the training fails in another way", async () => {
  await startTraining(failing(2 * SAMPLE_EVERY - 1, new Error("the device is lost")))
  expect(trainState.value).toEqual({ phase: "failed", message: "the device is lost" })
  expect(trained.value).toEqual({ lllite: stateOf(SAMPLE_EVERY).model, step: SAMPLE_EVERY })
})

it("gives the training a seed of 64 bits", async () => {
  const asked: unknown[] = []
  const model = failing(1, new Error("stopped"))
  const { train } = model.sdxl
  settings.value = { ...settings.value, seed: "18446744073709551615" }
  await startTraining({
    ...model,
    sdxl: {
      ...model.sdxl,
      train(dataset, options) {
        asked.push(options.seed)
        return train(dataset, options)
      },
    },
  })
  expect(asked).toEqual([2n ** 64n - 1n])
})
