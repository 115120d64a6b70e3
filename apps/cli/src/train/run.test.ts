import { createLllite } from "@lllite/core/models"
import { createStream } from "@lllite/core/random"
import { beginTraining, DivergedError } from "@lllite/core/training"
import { SDXL_LAYOUT } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import type { TrainRunEvent } from "@lllite/runtime-node"
import { expect, it } from "vitest"
import { createReporter } from "../terminal/progress.ts"
import { followTraining, saveDiverged } from "./run.ts"

const sites = enumerateSites(SDXL_LAYOUT).slice(0, 1)
const model = createLllite(sites, { condDim: 2, mlpDim: 2 }, createStream(1, "init"))
const reporter = createReporter({ write: () => {} })
const diverged = (step: number): DivergedError =>
  new DivergedError("loss-not-finite", "the loss is NaN.", { ...beginTraining(model), step })

it("saves the last good state of a run that diverged, and still fails", async () => {
  const saved: number[] = []
  const save = async ({ step }: { readonly step: number }): Promise<string> => {
    saved.push(step)
    return "out/last-step00000004.safetensors"
  }
  await expect(saveDiverged(diverged(4), save)).rejects.toMatchObject({
    code: "loss-not-finite",
    message: 'the loss is NaN. Its LLLite is saved as "out/last-step00000004.safetensors".',
  })
  // Before the first step there is nothing to save, and other errors have no state.
  await expect(saveDiverged(diverged(0), save)).rejects.toThrow("the loss is NaN.")
  await expect(saveDiverged(new Error("no device"), save)).rejects.toThrow("no device")
  expect(saved).toEqual([4])
  const full = (): Promise<string> => Promise.reject(new Error("the disk is full."))
  await expect(saveDiverged(diverged(4), full)).rejects.toThrow(
    "the loss is NaN. It could not be saved: the disk is full.",
  )
})

it("ends the run when a step cannot be saved", async () => {
  let ended = false
  async function* run(): AsyncGenerator<TrainRunEvent, never, void> {
    try {
      for (let step = 1; ; step++) {
        yield { kind: "step", step, steps: 9, loss: 1, learningRate: 1, gradientNorm: 1, state: null }
      }
    } finally {
      ended = true
    }
  }
  const failing = (): Promise<void> => Promise.reject(new Error("the disk is full"))
  await expect(followTraining(run(), reporter, new AbortController().signal, failing)).rejects.toThrow(
    "the disk is full",
  )
  expect(ended).toBe(true)
})
