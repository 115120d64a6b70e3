import { createNoiseSchedule } from "@lllite/core/diffusion"
import type { Sdxl } from "@lllite/core/models"
import { createComposedOps } from "@lllite/core/ops"
import { createStream } from "@lllite/core/random"
import {
  type CachedExample,
  createTrainState,
  type GradientSource,
  LLLITE,
  objective,
  type TrainState,
  train,
} from "@lllite/core/training"
import { enumerateSites } from "@lllite/format/selections"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { createSyntheticUnet, SMALL_UNET } from "../../core/test/synthetic-sdxl.ts"

import { createWebgpuOps, type WebgpuDevice, WebgpuDeviceError } from "../src/index.ts"
import { needsAdapter, start } from "./start.ts"

const SIDE = 32
const OPTIONS = { steps: 2, batchSize: 1, seed: 3, learningRate: 1e-2 }

/** Pictures and texts in the form of a data set's cache. */
const EXAMPLES: readonly CachedExample[] = [0, 1].map((index) => {
  const normal = (name: string, length: number): Float32Array => createStream(1, name).normal(length, { index })
  return {
    ...{ width: SIDE, height: SIDE },
    latents: normal("latents", (SIDE / 8) ** 2 * 4),
    context: normal("context", 77 * SMALL_UNET.contextDim),
    vector: normal("vector", SMALL_UNET.pooledDim + 1536),
    control: { width: SIDE, height: SIDE, data: new Uint8Array(SIDE * SIDE * 3).map((_, i) => (i * 7) % 256) },
  }
})

/** Gradients by the U-Net on the device in use. `before` is called before every step. */
async function gradientsHere(before: (step: number) => void): Promise<GradientSource> {
  const ops = createWebgpuOps(createComposedOps())
  const unet = await createSyntheticUnet(ops)
  const sdxl = { ops, unet, prediction: "epsilon" } as Sdxl
  const schedule = createNoiseSchedule()
  return async (model, tasks) => {
    const parts = []
    for (const { step, firstRow, examples } of tasks) {
      before(step)
      const rows = examples.map((index) => EXAMPLES[index] as CachedExample)
      parts.push(
        await objective(sdxl, schedule, LLLITE, model, { seed: OPTIONS.seed, step, firstRow, examples: rows }, {}),
      )
    }
    return parts
  }
}

describe("a training run on WebGPU", needsAdapter, () => {
  let webgpu: WebgpuDevice
  beforeEach(async () => {
    webgpu = await start()
  })
  afterEach(() => webgpu.dispose())

  const begin = (): TrainState =>
    createTrainState(enumerateSites(SMALL_UNET.layout), { condDim: 4, mlpDim: 5 }, OPTIONS.seed)

  async function finish(state: TrainState): Promise<TrainState> {
    const steps = train(state, EXAMPLES, { gradients: await gradientsHere(() => {}) }, OPTIONS)
    for (;;) {
      const next = await steps.next()
      if (next.done === true) return next.value
    }
  }

  it("continues from its checkpoint on a new device after the loss of one, bit for bit", async () => {
    const whole = await finish(begin())

    const lost = begin()
    let checkpoint: TrainState | null = null
    const run = async (): Promise<void> => {
      const losing = await gradientsHere((step) => {
        if (step === 1) webgpu.device.destroy()
      })
      for await (const { state } of train(lost, EXAMPLES, { gradients: losing }, OPTIONS))
        checkpoint = structuredClone(await state())
    }
    const error = await run().catch((error: unknown) => error)
    expect(error).toMatchObject({ code: "step-failed", cause: expect.any(WebgpuDeviceError) })
    expect(error).toMatchObject({ cause: { lost: true } })
    expect(checkpoint).toMatchObject({ step: 1 })

    webgpu = await start()
    const resumed = await finish(checkpoint as unknown as TrainState)
    expect(resumed.step).toBe(2)
    expect(resumed.model.values).toEqual(whole.model.values)
    expect(resumed.optimizer).toEqual(whole.optimizer)
    expect(resumed.model.values).not.toEqual(begin().model.values)
  })
})
