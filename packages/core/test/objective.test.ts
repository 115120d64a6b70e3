import { enumerateSites } from "@lllite/format/selections"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { signal } from "../reference/synthetic.ts"
import { createNoiseSchedule, type Prediction, snrAt } from "../src/diffusion/index.ts"
import { sizeEmbedding } from "../src/diffusion/size-embedding.ts"
import { imageToFloats } from "../src/image.ts"
import type { Sdxl } from "../src/models/index.ts"
import { disposeLllite, encodePrompts, llliteTap, prepareControl, unet, uploadLllite } from "../src/models/index.ts"
import { encodeImage, latentsOf } from "../src/models/vae/vae.ts"
import { createStream } from "../src/random/index.ts"
import type { SentTrainStep } from "../src/runtime/tasks.ts"
import type { StepPart } from "../src/runtime/train-help.ts"
import { NO_MEMO } from "../src/training/example-memo.ts"
import { createRowEncoder, rowOf } from "../src/training/example-row.ts"
import type { CachedExample, ObjectiveOptions, TrainExample, TrainState } from "../src/training/index.ts"
import {
  cacheDataset,
  createExampleCache,
  createTrainState,
  LLLITE,
  objective,
  validationLosses,
} from "../src/training/index.ts"
import { objectiveLoss } from "../src/training/objective.ts"
import { type TrainHelpers, trainRun } from "../src/worker/training.ts"
import { actingModel } from "./acting-lllite.ts"
import { createSyntheticSdxl, SMALL_UNET } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

const WIDTH = 96
const HEIGHT = 64
const LATENT = [HEIGHT / 8, WIDTH / 8, 4] as const
const SEED = 5
const CAPTIONS = ["a red star", "two blue rings"]
const SITES = enumerateSites(SMALL_UNET.layout)
const DIMS = { condDim: 4, mlpDim: 4 }
const schedule = createNoiseSchedule()

function picture(name: string) {
  const data = Uint8Array.from(signal(name, [HEIGHT, WIDTH, 3]), (value) => (value + 1) * 127)
  return { width: WIDTH, height: HEIGHT, data }
}

/** Examples that differ in all that an example has. */
const EXAMPLES: readonly TrainExample[] = CAPTIONS.map((caption, i) => ({
  name: `example ${i}`,
  image: picture(`image ${i}`),
  control: picture(`control ${i}`),
  caption,
  size: { original: [300 + i, 500 + i], crop: [10 * i, 20 * i + 5], target: [HEIGHT, WIDTH] },
}))

/* Sides, rows of a batch and parts of a step: numbers of one type that are easy to take for each other. */
describe("the loss of pictures that are not square, of examples that differ", () => {
  let sdxl: Sdxl
  let cached: readonly CachedExample[]
  /** An LLLite with an effect. */
  let model: TrainState["model"]

  beforeAll(async () => {
    sdxl = await createSyntheticSdxl(await startWasm())
    model = actingModel(SITES, DIMS)
    const dataset = { count: 2, example: async (index: number) => EXAMPLES[index] as TrainExample }
    const caching = cacheDataset(sdxl, dataset, { seed: SEED })
    let next = await caching.next()
    while (next.done !== true) next = await caching.next()
    cached = next.value
  })
  afterAll(() => sdxl.dispose())

  const lossOf = async (
    firstRow: number,
    members: readonly number[],
    { options = {}, of = sdxl, by = schedule }: { options?: ObjectiveOptions; of?: Sdxl; by?: typeof schedule } = {},
  ) => {
    const examples = members.map((i) => cached[i] as CachedExample)
    return objective(of, by, LLLITE, model, { seed: SEED, step: 3, firstRow, examples }, options)
  }

  /** The draws of a row of step 3, from the streams that training names. */
  function drawsOf(row: number, from = 0, to = 1000) {
    const at = { step: 3, index: row }
    const [timestep = -1] = createStream(SEED, "timesteps").integers(1, from, to, at)
    return { timestep, noise: createStream(SEED, "noise").normal(LATENT, at) }
  }

  interface Alone {
    readonly prediction?: Prediction
    readonly range?: readonly [number, number]
    readonly strength?: number
    /** The share of the way from the network's own prediction to the target. */
    readonly share?: number
    /** The size of the noise that the input has beside the target's. */
    readonly perturbation?: number
    readonly alphas?: Float64Array
    /** The loss of a value whose prediction is so far off, at the row's share of signal. Default: the square. */
    readonly measure?: (off: number, alpha: number) => number
  }

  /** The loss of an example in a row, composed anew of the network, the steered pass and the textbook's formulas. */
  async function lossAlone(
    row: number,
    member: number,
    { prediction = "epsilon", range = [0, 1000], strength = 1, share = 1, ...more }: Alone = {},
  ): Promise<number> {
    const { latents: clean, context, vector } = cached[member] as CachedExample
    const { timestep, noise } = drawsOf(row, ...range)
    const { perturbation = 0, alphas = schedule.alphasCumprod, measure = (off) => off * off } = more
    const alpha = alphas[timestep] ?? Number.NaN
    const second = createStream(SEED, "perturbation").normal(LATENT, { step: 3, index: row })
    const inInput = noise.map((value, i) => value + perturbation * (second[i] ?? Number.NaN))
    const mix = (ofClean: number, ofNoise: number, from = noise) =>
      clean.map((value, i) => ofClean * value + ofNoise * (from[i] ?? Number.NaN))
    const target = prediction === "epsilon" ? noise : mix(-Math.sqrt(1 - alpha), Math.sqrt(alpha))
    const lllite = uploadLllite(model)
    const data = imageToFloats(EXAMPLES[member]?.control ?? picture("none"))
    const control = prepareControl(sdxl.ops, lllite, { count: 1, height: HEIGHT, width: WIDTH, data })
    const [output, own] = tf.tidy(() => {
      const input = {
        latents: tf.tensor4d(mix(Math.sqrt(alpha), Math.sqrt(1 - alpha), inInput), [1, ...LATENT]),
        timesteps: [timestep],
        context: tf.tensor3d(context, [1, 77, context.length / 77]),
        vector: tf.tensor2d(vector, [1, vector.length]),
      }
      const tap = llliteTap(sdxl.ops, lllite, control, strength)
      return [unet(sdxl.ops, sdxl.unet, input, { tap }), unet(sdxl.ops, sdxl.unet, input)]
    }) as [tf.Tensor, tf.Tensor]
    const predicted = await output.data<"float32">()
    const plain = await own.data<"float32">()
    tf.dispose([output, own])
    control.dispose()
    disposeLllite(lllite)
    const wanted = plain.map((value, i) => value + share * ((target[i] ?? 0) - value))
    return predicted.reduce((sum, value, i) => sum + measure(value - (wanted[i] ?? 0), alpha), 0) / predicted.length
  }

  it("of a held-out example is that of its row and timestep, at full strength and without dropout", async () => {
    const example = cached[1] as CachedExample
    const held = { seed: SEED, index: 1, example }
    const options = { minTimestep: 100, maxTimestep: 600, loss: "l1" } as const
    const losses = await validationLosses(sdxl, schedule, LLLITE, model, held, {
      ...options,
      dropout: 0.5,
      strengthRange: { min: 0, top: 0.3 },
    })
    const expected: number[] = []
    for (const timestep of [200, 300, 400, 500]) {
      const rows = { seed: SEED, step: timestep, firstRow: 1, examples: [example] }
      const narrow = { ...options, minTimestep: timestep, maxTimestep: timestep + 1 }
      expected.push((await objective(sdxl, schedule, LLLITE, model, rows, narrow)).loss)
    }
    expect(losses).toHaveLength(4)
    for (const [i, loss] of losses.entries()) expect(loss).toBeCloseTo(expected[i] as number, 5)
    expect(new Set(losses.map((loss) => loss.toFixed(4))).size).toBe(4)
  })

  it("caches a picture's rows, and the sizes and the text of its own example", async () => {
    for (const [i, { image, control, caption, size }] of EXAMPLES.entries()) {
      const example = cached[i] as CachedExample
      expect([example.width, example.height]).toEqual([WIDTH, HEIGHT])
      expect(example.control).toEqual(control)
      const { context, pooled } = encodePrompts(sdxl.ops, sdxl, [caption])
      expect(example.context).toEqual(await context.data())
      expect(example.vector).toEqual(Float32Array.of(...(await pooled.data()), ...sizeEmbedding(size)))
      const expected = tf.tidy(() => {
        const pixels = Float32Array.from(image.data, (value) => (value / 255) * 2 - 1)
        const posterior = encodeImage(sdxl.ops, sdxl.vae, tf.tensor4d(pixels, [1, HEIGHT, WIDTH, 3]))
        const noise = createStream(SEED, "posterior").normal(LATENT, { index: i })
        return latentsOf(posterior, tf.tensor4d(noise, [1, ...LATENT]))
      })
      expect(example.latents).toEqual(await expected.data())
      tf.dispose([context, pooled, expected])
    }
  })

  it.each(["epsilon", "v"] as const)("is the mean of what each row has alone, for %s", async (prediction) => {
    const { loss } = await lossOf(2, [0, 1], { of: { ...sdxl, prediction } })
    const rows = [await lossAlone(2, 0, { prediction }), await lossAlone(3, 1, { prediction })]
    expect(loss).toBeCloseTo(((rows[0] ?? 0) + (rows[1] ?? 0)) / 2, 5)
    // Rows that stood in each other's place would show.
    const swapped = [await lossAlone(2, 1, { prediction }), await lossAlone(3, 0, { prediction })]
    for (const [i, row] of rows.entries()) expect(Math.abs(row - (swapped[i] ?? row))).toBeGreaterThan(1e-4)
  })

  it("weighs each row by its own timestep", async () => {
    const { loss } = await lossOf(0, [0, 1], { options: { weights: { debiased: true } } })
    const weights = [0, 1].map((row) => 1 / Math.sqrt(snrAt(schedule, drawsOf(row).timestep)))
    let sum = 0
    for (const [row, weight] of weights.entries()) sum += weight * (await lossAlone(row, row))
    expect(weights[0]).not.toBeCloseTo(weights[1] ?? 0, 3)
    expect(loss / (sum / 2)).toBeCloseTo(1, 5)
  })

  it.each(["huber", "smooth_l1"] as const)("turns %s at each row's own noise level", async (type) => {
    const measure = (off: number, alpha: number): number => {
      // The schedule "snr": from 1 without noise to 0.1.
      const c = 0.9 / (1 + Math.sqrt((1 - alpha) / alpha)) ** 2 + 0.1
      return 2 * (type === "huber" ? c : 1) * (Math.sqrt(off * off + c * c) - c)
    }
    const { loss } = await lossOf(0, [0, 1], { options: { loss: type } })
    const rows = [await lossAlone(0, 0, { measure }), await lossAlone(1, 1, { measure })]
    expect(loss).toBeCloseTo(((rows[0] ?? 0) + (rows[1] ?? 0)) / 2, 5)
  })

  it("trains on the checkpoint's schedule, unless it is to end otherwise", async () => {
    const by = createNoiseSchedule({ betaStart: 0.002, betaEnd: 0.02 })
    const { loss } = await lossOf(0, [0], { by })
    expect(loss).toBeCloseTo(await lossAlone(0, 0, { alphas: by.alphasCumprod }), 5)
    expect(loss).not.toBeCloseTo((await lossOf(0, [0])).loss, 3)
    expect((await lossOf(0, [0], { by, options: { zeroTerminalSnr: false } })).loss).toBe(loss)
    const ending = createNoiseSchedule({ betaStart: 0.002, betaEnd: 0.02, zeroTerminalSnr: true })
    const ofEnding = await lossOf(0, [0], { by: ending })
    expect((await lossOf(0, [0], { by: ending, options: { zeroTerminalSnr: true } })).loss).toBe(ofEnding.loss)
    expect(ofEnding.loss).not.toBe(loss)
  })

  it("leaves no tensor behind, and none after an abort", async () => {
    const mask = new Float32Array((WIDTH / 8) * (HEIGHT / 8)).fill(0.5)
    const examples = [{ ...(cached[0] as CachedExample), mask }, cached[1] as CachedExample]
    const rows = { seed: SEED, step: 3, firstRow: 0, examples }
    const options = { strengthRange: { min: 0.2, top: 0.9 }, loss: "huber", noise: { inputPerturbation: 0.1 } } as const
    const before = tf.memory().numTensors
    const { loss } = await objective(sdxl, schedule, LLLITE, model, rows, options)
    expect(tf.memory().numTensors).toBe(before)
    expect(await objectiveLoss(sdxl, schedule, LLLITE, model, rows, options)).toBeCloseTo(loss, 5)
    expect(tf.memory().numTensors).toBe(before)
    const gone = new AbortController()
    const pauses: string[] = []
    for (const compute of [objective, objectiveLoss]) {
      const pause = async () => {
        pauses.push(compute.name)
        gone.abort(new Error("it is enough"))
      }
      const work = compute(sdxl, schedule, LLLITE, model, { ...rows, signal: gone.signal, pause }, options)
      await expect(work).rejects.toThrow("it is enough")
    }
    expect(pauses).toEqual(["objective", "objectiveLoss"])
    expect(tf.memory().numTensors).toBe(before)
  })

  it("draws its timesteps from the range that it is given", async () => {
    const range = [900, 1000] as const
    const options = { minTimestep: range[0], maxTimestep: range[1] }
    const { loss } = await lossOf(0, [0], { options })
    expect(loss).toBeCloseTo(await lossAlone(0, 0, { range }), 5)
    expect(loss).not.toBeCloseTo(await lossAlone(0, 0), 3)
  })

  it.each(["epsilon", "v"] as const)("has more noise in the input than in the target, if asked, for %s", async (of) => {
    const options = { noise: { inputPerturbation: 0.5 } }
    const { loss } = await lossOf(1, [0], { options, of: { ...sdxl, prediction: of } })
    expect(loss).toBeCloseTo(await lossAlone(1, 0, { prediction: of, perturbation: 0.5 }), 5)
    expect(loss).not.toBeCloseTo(await lossAlone(1, 0, { prediction: of }), 3)
  })

  it("leaves out numbers inside its adapters, the same ones when a block runs again", async () => {
    const plain = await lossOf(0, [0, 1])
    const dropped = await lossOf(0, [0, 1], { options: { dropout: 0.5 } })
    const again = await lossOf(0, [0, 1], { options: { dropout: 0.5, gradientCheckpointing: true } })
    expect(Math.abs(dropped.loss - plain.loss)).toBeGreaterThan(1e-4)
    expect(again.loss).toBeCloseTo(dropped.loss, 6)
    const largest = dropped.gradients.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    const off = dropped.gradients.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - (again.gradients[i] ?? 0))),
      0,
    )
    expect(off).toBeLessThan(1e-4 * largest)
    // A row keeps its numbers in any part of the batch.
    const first = await lossOf(0, [0], { options: { dropout: 0.5 } })
    const second = await lossOf(1, [1], { options: { dropout: 0.5 } })
    expect((first.loss + second.loss) / 2).toBeCloseTo(dropped.loss, 5)
  })

  it("reads captions of several chunks", async () => {
    const long = Array.from({ length: 60 }, (_, i) => `star ${i}`).join(", ")
    const [example] = EXAMPLES as [TrainExample]
    const lossWith = async (captionChunks: number): Promise<number> => {
      const cache = createExampleCache(sdxl, { seed: SEED, captionChunks })
      const examples = [await cache({ ...example, caption: long }, 0)]
      expect(examples[0]?.context).toHaveLength((75 * captionChunks + 2) * SMALL_UNET.contextDim)
      return (await objective(sdxl, schedule, LLLITE, model, { seed: SEED, step: 3, firstRow: 0, examples })).loss
    }
    const losses = [await lossWith(1), await lossWith(2), await lossWith(3)]
    expect(new Set(losses.map((loss) => loss.toFixed(6))).size).toBe(3)
  })

  it("trains on a schedule that ends in noise alone, if asked", async () => {
    const range = [990, 1000] as const
    const options = { minTimestep: range[0], maxTimestep: range[1], zeroTerminalSnr: true }
    const { loss } = await lossOf(0, [0], { options, of: { ...sdxl, prediction: "v" } })
    const { alphasCumprod: alphas } = createNoiseSchedule({ zeroTerminalSnr: true })
    expect(loss).toBeCloseTo(await lossAlone(0, 0, { prediction: "v", range, alphas }), 5)
    expect(Math.abs(loss - (await lossAlone(0, 0, { prediction: "v", range })))).toBeGreaterThan(1e-4)
  })

  it.each([
    ["epsilon", { min: 0.2, floor: 0.3, top: 0.9, power: 2 }],
    ["v", { min: 0.2, floor: 0.3, top: 0.9, power: 2 }],
    ["epsilon", { min: 0.2, floor: 1, top: 1, power: 2 }],
  ] as const)("aims by each row's strength between its own prediction and %s, with shares of %j", async (of, range) => {
    const { loss } = await lossOf(2, [0, 1], {
      options: { strengthRange: range },
      of: { ...sdxl, prediction: of },
    })
    const [start = 0] = createStream(SEED, "strengths").uniform(1, { step: 3 })
    const rows = [0, 1].map((row) => {
      // Rows follow each other by the golden ratio.
      const draw = (start + (2 + row) * 0.6180339887498949) % 1
      const strength = 0.2 + 0.8 * draw
      return { prediction: of, strength, share: range.floor + (range.top - range.floor) * strength ** 2 }
    })
    const alone = [await lossAlone(2, 0, rows[0]), await lossAlone(3, 1, rows[1])]
    expect(loss).toBeCloseTo(((alone[0] ?? 0) + (alone[1] ?? 0)) / 2, 5)
    expect(Math.abs(loss - (await lossOf(2, [0, 1], { of: { ...sdxl, prediction: of } })).loss)).toBeGreaterThan(1e-5)
  })

  it("counts latents by the mask, and those of an example without one alike", async () => {
    const area = (WIDTH / 8) * (HEIGHT / 8)
    const [plain, half, nothing] = await Promise.all(
      [undefined, 0.5, 0].map(async (value) => {
        const examples = (cached as CachedExample[]).map((example, i) =>
          i === 0 && value !== undefined ? { ...example, mask: new Float32Array(area).fill(value) } : example,
        )
        return (await objective(sdxl, schedule, LLLITE, model, { seed: SEED, step: 3, firstRow: 0, examples })).loss
      }),
    )
    const second = await lossOf(1, [1])
    expect(nothing).toBeCloseTo(second.loss / 2, 5)
    expect(half).toBeCloseTo(((plain ?? 0) + (nothing ?? 0)) / 2, 5)
    expect(plain).toBeGreaterThan((nothing ?? 0) + 0.01)
  })

  it("has in two parts the loss and the gradients of the whole, since each row keeps its draws", async () => {
    const whole = await lossOf(0, [0, 1])
    const first = await lossOf(0, [0])
    const second = await lossOf(1, [1])
    expect((first.loss + second.loss) / 2).toBeCloseTo(whole.loss, 5)
    const largest = whole.gradients.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    const joined = first.gradients.map((value, i) => (value + (second.gradients[i] ?? Number.NaN)) / 2)
    const off = joined.reduce((most, value, i) => Math.max(most, Math.abs(value - (whole.gradients[i] ?? 0))), 0)
    expect(off).toBeLessThan(1e-4 * largest)
  })

  /** Steps of a run, as a worker sends them. */
  async function runOf(
    model: Sdxl,
    options: { readonly steps: number; readonly shards: number },
    outside: TrainHelpers["outside"] = null,
  ): Promise<SentTrainStep[]> {
    const rows = EXAMPLES.map((example, index) => rowOf(example, index))
    const encoding = { seed: SEED, vaeSlices: null, captionChunks: 1, weightedCaptions: false }
    const batches = new Map(Array.from({ length: options.steps }, (_, step) => [step, rows] as const))
    const kept = { encode: createRowEncoder(sdxl, { seed: SEED }), memo: NO_MEMO, rows: batches }
    const state = createTrainState(SITES, DIMS, SEED)
    const sent = { ...options, batchSize: 2, seed: SEED, learningRate: 1e-3, ...DIMS, sites: SITES }
    const helpers = { clients: [], outside, model: 0, run: 0, encoding }
    const context = { signal: new AbortController().signal, pause: async () => {} }
    const place = { sdxl: model, schedule, kept }
    const steps: SentTrainStep[] = []
    for await (const step of trainRun(place, state, helpers, { sizes: rows, controls: [] }, sent, context)) {
      steps.push(step)
    }
    return steps
  }

  it("is the same in a run, whatever the number of parts", async () => {
    const [one, two] = [await runOf(sdxl, { steps: 1, shards: 1 }), await runOf(sdxl, { steps: 1, shards: 2 })]
    expect([one.length, two.length]).toEqual([1, 1])
    expect(one[0]?.loss).toBeCloseTo(two[0]?.loss ?? 0, 5)
  })

  it("says once in a run that slopes were above float16's range, and then has the same loss", async () => {
    /** As float32 values become float16 ones that are too large. */
    const limited = tf.customGrad((x) => ({
      value: tf.clone(x as tf.Tensor),
      gradFunc: (dy: tf.Tensor) =>
        tf.where(tf.greater(tf.abs(dy), LARGEST), tf.fill(dy.shape, Number.POSITIVE_INFINITY), dy),
    }))
    const ops = { ...sdxl.ops, narrow: <T extends tf.Tensor>(x: T): T => tf.clone(x), widen: limited as <T>(x: T) => T }
    const [plain, narrow] = [
      await runOf(sdxl, { steps: 2, shards: 1 }),
      await runOf({ ...sdxl, ops }, { steps: 2, shards: 1 }),
    ]
    expect(plain.map(({ notice }) => notice)).toEqual([undefined, undefined])
    expect(narrow.map(({ notice }) => notice)).toEqual([
      expect.stringContaining("slopes of step 1 were above"),
      undefined,
    ])
    for (const [i, { loss }] of narrow.entries()) expect(loss).toBeCloseTo(plain[i]?.loss ?? 0, 4)
  })

  it("says so of parts that were computed elsewhere, too", async () => {
    const outside = {
      call: async (task: string, part: StepPart | null) =>
        task === "free"
          ? { places: 1, branches: 0 }
          : { loss: 1, gradients: new Float32Array(part?.lllite.values.length ?? 0), repeats: 1 },
    } as unknown as TrainHelpers["outside"]
    const steps = await runOf(sdxl, { steps: 2, shards: 2 }, outside)
    expect(steps.map(({ notice }) => notice)).toEqual([
      expect.stringContaining("slopes of step 1 were above"),
      undefined,
    ])
  })
})

/** A limit that slopes exceed with the first factors on the loss, and not with the last. */
const LARGEST = 1
