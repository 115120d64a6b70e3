import type { Site } from "@lllite/format"
import { enumerateSites, NAMED_SELECTIONS } from "@lllite/format/selections"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { signal } from "../reference/synthetic.ts"
import { createNoiseSchedule } from "../src/diffusion/index.ts"
import type { LlliteModel, Sdxl } from "../src/models/index.ts"
import { disposeLllite, llliteTap, prepareControl, unet, uploadLllite } from "../src/models/index.ts"
import type { CachedExample, GradientSource, TrainExample, TrainState } from "../src/training/index.ts"
import { cacheDataset, createTrainState, LLLITE, objective, train } from "../src/training/index.ts"
import { createSyntheticSdxl, SMALL_UNET } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

const schedule = createNoiseSchedule()
const dims = { condDim: 8, mlpDim: 8 }
const options = { steps: 3, batchSize: 2, seed: 5, learningRate: 1e-2 }

function picture(name: string, width = 64, height = 64) {
  return { width, height, data: Uint8Array.from(signal(name, [height, width, 3]), (value) => (value + 1) * 127) }
}

function example(index: number, width = 64): TrainExample {
  const size = { original: [64, width], crop: [0, 0], target: [64, width] } as const
  const image = picture(`image ${index}`, width)
  return { name: `example ${index}`, image, control: picture(`control ${index}`, width), caption: "a star", size }
}

describe("training", () => {
  let sdxl: Sdxl
  let examples: CachedExample[]
  let sites: readonly Site[]

  beforeAll(async () => {
    sdxl = await createSyntheticSdxl(await startWasm())
    sites = enumerateSites(SMALL_UNET.layout)
    examples = await cacheAll(3)
  })
  afterAll(() => sdxl.dispose())

  async function cacheAll(count: number, width = 64): Promise<CachedExample[]> {
    const caching = cacheDataset(sdxl, { count, example: async (index) => example(index, width) }, { seed: 5 })
    for (;;) {
      const next = await caching.next()
      if (next.done === true) return next.value
    }
  }

  const gradients =
    (gradientCheckpointing = false): GradientSource =>
    (model, tasks) =>
      Promise.all(
        tasks.map(({ step, firstRow, examples: indices }) => {
          const rows = indices.map((index) => examples[index] as CachedExample)
          return objective(
            sdxl,
            schedule,
            LLLITE,
            model,
            { seed: 5, step, firstRow, examples: rows },
            { gradientCheckpointing },
          )
        }),
      )

  async function run(state: TrainState, changes: object = {}, source = gradients()): Promise<TrainState> {
    const steps = train(state, examples, { gradients: source }, { ...options, ...changes })
    for (;;) {
      const next = await steps.next()
      if (next.done === true) return next.value
    }
  }

  it("starts as the base model: a new LLLite changes nothing", async () => {
    const { model } = createTrainState(sites, dims, 1)
    const [plain, fed] = await predictions(sdxl, model)
    expect(fed).toEqual(plain)
  })

  it("trains the same LLLite from the same seed, and another from another seed", async () => {
    const first = await run(createTrainState(sites, dims, 5))
    const second = await run(createTrainState(sites, dims, 5))
    const other = await run(createTrainState(sites, dims, 6))
    expect(second.model.values).toEqual(first.model.values)
    expect(other.model.values).not.toEqual(first.model.values)
  })

  it("continues a run bit for bit", async () => {
    const whole = await run(createTrainState(sites, dims, 5))
    const half = await run(createTrainState(sites, dims, 5), { steps: 1 })
    const copy: TrainState = structuredClone(half)
    const rest = await run(copy)
    expect(rest.model.values).toEqual(whole.model.values)
    expect(rest.optimizer).toEqual(whole.optimizer)
  })

  it("depends on the number of a batch's parts, and not on the workers that compute them", async () => {
    const shards = { shards: 2 }
    const together = await run(createTrainState(sites, dims, 5), shards)
    const source: GradientSource = async (model, tasks) => {
      const backwards = await gradients()(model, [...tasks].reverse())
      return [...backwards].reverse()
    }
    const apart = await run(createTrainState(sites, dims, 5), shards, source)
    expect(apart.model.values).toEqual(together.model.values)
  })

  it("has the same gradients with and without checkpointing", async () => {
    const { model } = await run(createTrainState(sites, dims, 5))
    const task = { step: 9, firstRow: 0, examples: [0, 1], lane: 0 }
    const [plain] = await gradients(false)(model, [task])
    const [checkpointed] = await gradients(true)(model, [task])
    expect(checkpointed?.loss).toBeCloseTo(plain?.loss ?? 0, 6)
    const largest = Math.max(...(plain?.gradients ?? []).map(Math.abs))
    const differences = (plain?.gradients ?? new Float32Array()).map((value, i) =>
      Math.abs(value - (checkpointed?.gradients[i] ?? Number.NaN)),
    )
    expect(Math.max(...differences)).toBeLessThan(1e-5 * largest)
  })

  it("trains at convolutions too, and moves every tensor of every adapter", async () => {
    const wide = enumerateSites(SMALL_UNET.layout, NAMED_SELECTIONS.convTooOutputBlocks)
    const before = createTrainState(wide, dims, 5)
    const start = before.model.values.slice()
    const { model } = await run(before)
    const still = model.slots.filter(({ offset, size }) =>
      model.values.subarray(offset, offset + size).every((value, i) => value === start[offset + i]),
    )
    expect(wide.some((site) => site.conv)).toBe(true)
    expect(still.map(({ plan, name }) => `${plan.site.key}.${name}`)).toEqual([])
  })

  it("leaves no tensor behind", async () => {
    const before = tf.memory().numTensors
    await run(createTrainState(sites, dims, 5), { steps: 2 })
    await run(createTrainState(sites, dims, 5), { steps: 2 }, gradients(true))
    // The first gradient makes transposed copies of frozen weights, and they stay.
    const after = tf.memory().numTensors
    await run(createTrainState(sites, dims, 5), { steps: 2 }, gradients(true))
    expect(tf.memory().numTensors).toBe(after)
    expect(after).toBeGreaterThanOrEqual(before)
  })

  it("stops after the running step when it is aborted", async () => {
    const controller = new AbortController()
    const taken: number[] = []
    const steps = train(
      createTrainState(sites, dims, 5),
      examples,
      { gradients: gradients() },
      {
        ...options,
        steps: 100,
        signal: controller.signal,
      },
    )
    for await (const { step } of steps) {
      taken.push(step)
      if (step === 2) controller.abort()
    }
    expect(taken).toEqual([1, 2])
  })

  it("stops between two blocks after an abort in a pause", async () => {
    const { model } = createTrainState(sites, dims, 5)
    const controller = new AbortController()
    let pauses = 0
    const pause = async (): Promise<void> => {
      if (++pauses === 7) controller.abort(new Error("enough"))
    }
    const before = tf.memory().numTensors
    const rows = { seed: 5, step: 0, firstRow: 0, examples: examples.slice(0, 1), signal: controller.signal, pause }
    const work = objective(sdxl, schedule, LLLITE, model, rows, { gradientCheckpointing: true })
    await expect(work).rejects.toThrow("enough")
    expect(pauses).toBe(7)
    expect(tf.memory().numTensors).toBe(before)
  })

  it("refuses pictures that the network cannot read, by name", async () => {
    await expect(cacheAll(1, 48)).rejects.toThrow('"example 0" is 48×64 px, expected sides that are multiples of 32')
    const odd = { ...example(0), control: picture("control", 32) }
    const caching = cacheDataset(sdxl, { count: 1, example: async () => odd }, { seed: 1 })
    await expect(caching.next()).rejects.toThrow('the control of "example 0" is 32×64 px, the picture 64×64')
  })
})

/** The U-Net's prediction without and with an LLLite. */
async function predictions(sdxl: Sdxl, model: LlliteModel): Promise<Float32Array[]> {
  const { ops } = sdxl
  const lllite = uploadLllite(model)
  const data = signal("control", [64, 64, 3])
  const control = prepareControl(ops, lllite, { count: 1, height: 64, width: 64, data })
  const input = {
    latents: tf.tensor4d(signal("latents", [8, 8, 4]), [1, 8, 8, 4]),
    timesteps: [500],
    context: tf.tensor3d(signal("context", [77, 16]), [1, 77, 16]),
    vector: tf.tensor2d(signal("vector", [1544]), [1, 1544]),
  }
  const plain = unet(ops, sdxl.unet, input)
  const fed = unet(ops, sdxl.unet, input, { tap: llliteTap(ops, lllite, control, 1) })
  const values = [await plain.data<"float32">(), await fed.data<"float32">()]
  tf.dispose([input.latents, input.context, input.vector, plain, fed])
  control.dispose()
  disposeLllite(lllite)
  return values
}
