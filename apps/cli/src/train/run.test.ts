import { CoreError } from "@lllite/core"
import { createLllite } from "@lllite/core/models"
import { createStream } from "@lllite/core/random"
import { beginTraining, DivergedError } from "@lllite/core/training"
import { SDXL_LAYOUT } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import type { TrainRunEvent } from "@lllite/runtime-node"
import { InputError } from "@lllite/runtime-node"
import { expect, it } from "vitest"
import { createReporter } from "../terminal/progress.ts"
import { followTraining, saveDiverged, unlessFull, withLastState } from "./run.ts"

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

it("says what is on the disk when a runtime has ended with the run", () => {
  const ended = new CoreError("worker-ended", "runtime: a worker thread ended with code 1. Create a new runtime.")
  const run = { steps: 9, made: 4 }
  expect(withLastState(ended, "out/a-state", run)).toMatchObject({
    code: "worker-ended",
    message: `${ended.message} The training ended after 4 of 9 steps. Its last state is "out/a-state". Continue from it with --resume.`,
  })
  expect(withLastState(ended, null, run)).toHaveProperty("message", expect.stringContaining("No state of it is saved."))
  // Before the first step, and for wrong input, there is nothing to add.
  expect(withLastState(ended, "out/a-state", { steps: 9, made: 0 })).toBe(ended)
  const wrong = new CoreError("picture-size", "it is too small")
  expect(withLastState(wrong, "out/a-state", run)).toBe(wrong)
})

it("goes on when a step in between cannot be saved, and says so", async () => {
  const said: string[] = []
  const watched = createReporter({ write: (text: string) => void said.push(text) })
  await unlessFull(Promise.resolve("out/a"), 10, watched)
  expect(said).toEqual([])
  const full = new InputError("file", 'cannot write "out/a": the disk is full. Make room or choose another place.')
  await unlessFull(Promise.reject(full), 20, watched)
  expect(said.map((line) => JSON.parse(line).text)).toEqual([
    'step 20 is not saved as a whole: cannot write "out/a": the disk is full. Make room or choose another place. The training goes on.',
  ])
  await expect(unlessFull(Promise.reject(new Error("a fault")), 30, watched)).rejects.toThrow("a fault")
})

it("ends the run when its caller fails at a step", async () => {
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
  const failing = (): Promise<void> => Promise.reject(new Error("a fault"))
  await expect(followTraining(run(), reporter, new AbortController().signal, failing)).rejects.toThrow("a fault")
  expect(ended).toBe(true)
})
