import type { RgbImage } from "@lllite/core/image"
import { createLllite } from "@lllite/core/models"
import { createStream } from "@lllite/core/random"
import { DivergedError } from "@lllite/core/runtime"
import { beginTraining } from "@lllite/core/training"
import { SDXL_LAYOUT } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import { beforeEach, expect, it } from "vitest"
import { englishOf, inEnglish } from "../../test/words.ts"
import { controls } from "../controls/control-state.ts"
import { BUILT_IN, networks } from "../controls/networks.ts"
import { blank } from "../pictures/canvas-image.ts"
import { DRAWN, drawPairs, splitPairs } from "./pairs.ts"
import { listTrained, startTraining, stopTraining } from "./run-training.ts"
import { DEFAULT_SETTINGS } from "./train-settings.ts"
import type { TrainingModel } from "./train-state.ts"
import { notices, pairs, sampleProblem, samples, settings, trained, trainState } from "./train-state.ts"

const EVERY = DEFAULT_SETTINGS.sampleEvery
const sites = enumerateSites(SDXL_LAYOUT).slice(0, 1)
const stateOf = (step: number) => ({
  ...beginTraining(createLllite(sites, { condDim: 2, mlpDim: 2 }, createStream(step, "init"))),
  step,
})
pairs.value = drawPairs(DRAWN, "canny")
const { heldOut } = splitPairs(pairs.value, "canny")

/** A model whose training ends, or fails, after some steps. Its pictures are those of `draw`, which may fail. */
function modelOf(
  steps: number,
  { error, draw }: { readonly error?: Error; readonly draw: (isSteered: boolean, index: number) => RgbImage },
): TrainingModel {
  const event = { kind: "step", steps: 100, loss: 1, learningRate: 1, gradientNorm: 1 } as const
  return {
    runtime: {
      writeLllite: async () => new Blob(["of an LLLite"]),
      loadAdapter: async () => ({ adapters: [], notices: [], dispose: async () => {} }),
    },
    sdxl: {
      layout: SDXL_LAYOUT,
      async *generate(requests, { adapters = [], signal }) {
        for (const [index] of requests.entries()) {
          signal?.throwIfAborted()
          yield { kind: "image", index, seed: 7, image: draw(adapters.length > 0, index) } as const
        }
      },
      async *train(_, { signal }) {
        for (let step = 1; step <= steps && signal?.aborted !== true; step++) {
          yield { ...event, step, state: stateOf(step) }
        }
        if (error !== undefined) throw error
        return stateOf(steps)
      },
    },
  }
}

const failing = (steps: number, error: Error): TrainingModel =>
  modelOf(steps, {
    error,
    draw: () => {
      throw new Error("no room for a sample")
    },
  })

beforeEach(() => {
  settings.value = { ...DEFAULT_SETTINGS, strengths: "one" }
  networks.value = []
})

it("keeps the state of a run that diverged, though every sample failed", async () => {
  const state = stateOf(EVERY + 3)
  await startTraining(failing(EVERY + 3, new DivergedError("loss-not-finite", "the loss is NaN", state)))
  expect(trainState.value).toMatchObject({ phase: "failed", problem: { english: "the loss is NaN" } })
  expect(trained.value).toEqual({ lllite: state.model, step: EVERY + 3, verdict: null, isListed: false })
  expect(samples.value).toEqual([])
  expect(englishOf(sampleProblem.value)).toContain("failed: no room for a sample")
})

it("keeps the run after its last step when the training fails in another way", async () => {
  await startTraining(failing(EVERY - 1, new Error("the device is lost")))
  expect(trainState.value).toMatchObject({ phase: "failed", problem: { english: "the device is lost" } })
  expect(trained.value).toMatchObject({ lllite: stateOf(EVERY - 1).model, step: EVERY - 1 })
})

it("chooses an LLLite whose pictures follow held-out controls, and says so", async () => {
  await startTraining(
    modelOf(EVERY + 1, {
      draw: (isSteered, index) => (isSteered ? (heldOut[index]?.image ?? blank(128)) : blank(128)),
    }),
  )
  expect(trained.value).toMatchObject({ step: EVERY + 1, isListed: true })
  expect(trained.value?.verdict).toMatchObject({ measure: "edges", follows: true, with: 1, without: 0, count: 3 })
  expect(networks.value.map(({ name }) => name)).toEqual([`Trained here, ${EVERY + 1} steps`])
  expect(samples.value.map(({ step }) => step)).toEqual([EVERY, EVERY + 1])
})

it("chooses no LLLite that does not follow, until it is asked to", async () => {
  const model = modelOf(3, { draw: () => blank(128) })
  await startTraining(model)
  expect(trained.value).toMatchObject({ step: 3, isListed: false, verdict: { follows: false, with: 0 } })
  expect(networks.value).toEqual([])
  await Promise.all([listTrained(model), listTrained(model)])
  expect(networks.value).toHaveLength(1)
})

it("draws with an LLLite that is chosen while it is measured, and says so after it", async () => {
  let listing: Promise<void> | null = null
  const model = modelOf(3, {
    draw: (isSteered) => {
      if (isSteered) listing ??= listTrained(model)
      return blank(128)
    },
  })
  await startTraining(model)
  await listing
  expect(trained.value).toMatchObject({ step: 3, isListed: true, verdict: { follows: false } })
  expect(networks.value.map(({ name }) => name)).toEqual(["Trained here, 3 steps"])
})

it("chooses an LLLite again after another one, or after its removal", async () => {
  const model = modelOf(3, { draw: () => blank(128) })
  await startTraining(model)
  await listTrained(model)
  const chosen = (): string | undefined => controls.value[0]?.network
  controls.value = controls.value.map((control) => ({ ...control, network: BUILT_IN }))
  await listTrained(model)
  expect(chosen()).toBe("Trained here, 3 steps")
  networks.value = []
  await listTrained(model)
  expect(networks.value).toHaveLength(1)
})

it("does not say that an LLLite is chosen whose file could not be written", async () => {
  const model = modelOf(3, { draw: () => blank(128) })
  await startTraining(model)
  const runtime = {
    ...model.runtime,
    writeLllite: async () => {
      throw new Error("no room for a file")
    },
  }
  await expect(listTrained({ runtime })).rejects.toThrow("no room for a file")
  expect(trained.value).toMatchObject({ isListed: false })
  await listTrained(model)
  expect(trained.value).toMatchObject({ isListed: true })
})

it("measures what a stop has kept, and a second stop ends the measuring", async () => {
  let isMeasuring = false
  const model = modelOf(9, {
    draw: (isSteered) => {
      if (isSteered) {
        isMeasuring = true
        stopTraining()
      }
      return blank(128)
    },
  })
  const train = model.sdxl.train
  await startTraining({
    ...model,
    sdxl: {
      ...model.sdxl,
      async *train(dataset, options) {
        const run = train(dataset, options)
        yield (await run.next()).value as never
        stopTraining()
        return stateOf(1)
      },
    },
  })
  expect(isMeasuring).toBe(true)
  expect(trained.value).toMatchObject({ step: 1, verdict: null, isListed: false })
  expect(trainState.value).toEqual({ phase: "idle" })
})

it("says that a browser without a store loses the run with a reload", async () => {
  await startTraining(modelOf(1, { draw: () => blank(128) }))
  expect(inEnglish(notices.value)).toEqual(["A reload loses this run: this browser keeps nothing for the page."])
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
