import { unetTable } from "@lllite/format"
import type { Tensor2D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, describe, expect, it } from "vitest"
import { createNoiseSchedule } from "../src/diffusion/index.ts"
import type { Sdxl } from "../src/models/index.ts"
import { composedBlocks } from "../src/models/index.ts"
import { createStream } from "../src/random/index.ts"
import type { CachedExample, GradientSource, Trainable, TrainState } from "../src/training/index.ts"
import { beginTraining, loadTrainState, objective, saveTrainState, train } from "../src/training/index.ts"
import { createSyntheticUnet, SMALL_UNET } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

/** A low-rank product that is added after some layers. All layers have the same factors. */
interface LowRank {
  readonly paths: readonly string[]
  readonly dim: number
  readonly rank: number
  readonly values: Float32Array
}

/** A trainable model other than an LLLite. This file has all its code. */
const LOW_RANK: Trainable<LowRank> = {
  kind: "low-rank",

  parts: ({ dim, rank }) => [
    { name: "down", group: "down", shape: [dim, rank], offset: 0, size: dim * rank },
    { name: "up", group: "up", shape: [rank, dim], offset: dim * rank, size: rank * dim },
  ],

  place(_, model) {
    const [down, up] = LOW_RANK.parts(model).map(({ shape, offset, size }) =>
      tf.tensor2d(model.values.slice(offset, offset + size), shape as [number, number]),
    ) as [Tensor2D, Tensor2D]
    const has = ({ path }: { readonly path: string }): boolean => model.paths.includes(path)
    return {
      leaves: [down, up],
      leavesAt: (layer) => (has(layer) ? [down, up] : []),
      tap: {
        has,
        after: (layers, xs, ys) =>
          ys.map((y, i) => {
            const [layer, x] = [layers[i], xs[i]]
            if (layer === undefined || x === undefined || !has(layer)) return y
            const rows = tf.reshape(x, [-1, model.dim]) as Tensor2D
            return tf.add(y, tf.reshape(tf.matMul(tf.matMul(rows, down), up), y.shape))
          }),
      },
      dispose: () => tf.dispose([down, up]),
    }
  },

  tensor: ({ values }, { offset, size }) => values.slice(offset, offset + size),

  fill(like, tensor) {
    const values = new Float32Array(like.values.length)
    for (const part of LOW_RANK.parts(like)) values.set(tensor(part), part.offset)
    return { ...like, values }
  },
}

const SIDE = 32
const OPTIONS = { steps: 4, batchSize: 2, seed: 3, learningRate: 1e-2 }
const schedule = createNoiseSchedule()

const EXAMPLES: readonly CachedExample[] = [0, 1, 2].map((index) => {
  const normal = (name: string, length: number): Float32Array => createStream(1, name).normal(length, { index })
  return {
    ...{ width: SIDE, height: SIDE },
    latents: normal("latents", (SIDE / 8) ** 2 * 4),
    context: normal("context", 77 * SMALL_UNET.contextDim),
    vector: normal("vector", SMALL_UNET.pooledDim + 1536),
    control: { width: SIDE, height: SIDE, data: new Uint8Array(SIDE * SIDE * 3) },
  }
})

describe("a caller's trainable model", () => {
  let sdxl: Sdxl
  let like: LowRank

  beforeAll(async () => {
    const ops = await startWasm()
    sdxl = { ops, unet: await createSyntheticUnet(ops), prediction: "epsilon" } as Sdxl
    const layers = unetTable(SMALL_UNET.layout).layers
    // The layers are in two blocks, so that the gradient is a sum over two places of the walk.
    const found = layers.filter(({ role, attention, inDim }) => role === "v" && attention === "self" && inDim === 128)
    const paths = [found[0], found.at(-1)].map((layer) => layer?.path ?? "")
    expect(new Set(found.map(({ block }) => block)).size).toBeGreaterThan(2)
    const values = createStream(1, "low rank")
      .normal(2 * 2 * 128, {})
      .map((value) => 0.05 * value)
    like = { paths, dim: 128, rank: 2, values }
  })

  const begin = (): LowRank => ({ ...like, values: like.values.slice() })

  const gradients =
    (gradientCheckpointing = false, of = sdxl): GradientSource<LowRank> =>
    async (model, tasks) => {
      const parts = []
      for (const { step, firstRow, examples } of tasks) {
        const rows = { seed: 3, step, firstRow, examples: examples.map((index) => EXAMPLES[index] as CachedExample) }
        parts.push(await objective(of, schedule, LOW_RANK, model, rows, { gradientCheckpointing }))
      }
      return parts
    }

  async function run(state: TrainState<LowRank>, steps = OPTIONS.steps): Promise<TrainState<LowRank>> {
    const walk = train(state, EXAMPLES, { gradients: gradients() }, { ...OPTIONS, steps })
    for (;;) {
      const next = await walk.next()
      if (next.done === true) return next.value
    }
  }

  it("has the derivatives of the loss", async () => {
    const task = { step: 0, firstRow: 0, examples: [0], lane: 0 }
    const [found] = await gradients()(begin(), [task])
    // The first gradient makes copies of frozen weights for the backward pass, and they stay.
    const before = tf.memory().numTensors
    expect(found?.gradients).toHaveLength(512)
    const lossAt = async (place: number, shift: number): Promise<number> => {
      const model = begin()
      model.values[place] = (model.values[place] ?? 0) + shift
      return (await gradients()(model, [task]))[0]?.loss ?? Number.NaN
    }
    const largest = [...(found?.gradients ?? [])].map(Math.abs)
    const places = [
      largest.indexOf(Math.max(...largest.slice(0, 256))),
      largest.indexOf(Math.max(...largest.slice(256))),
    ]
    for (const place of places) {
      const slope = ((await lossAt(place, 0.05)) - (await lossAt(place, -0.05))) / 0.1
      const gradient = found?.gradients[place] ?? Number.NaN
      expect(Math.abs(slope - gradient)).toBeLessThan(0.02 * Math.abs(gradient))
    }
    expect(tf.memory().numTensors).toBe(before)
  })

  it("has the same gradients on one tape, with checkpointing and with a runtime's blocks, and leaves no tensor", async () => {
    const task = { step: 1, firstRow: 0, examples: [0, 2], lane: 0 }
    let kept = 0
    const keep: typeof composedBlocks.keep = (...given) => {
      kept += 1
      return composedBlocks.keep(...given)
    }
    const ofRuntime = { ...sdxl, blocks: { ...composedBlocks, keep } }
    const [plain] = await gradients()(begin(), [task])
    const largest = Math.max(...(plain?.gradients ?? []).map(Math.abs))
    expect(largest).toBeGreaterThan(0)
    for (const source of [gradients(true), gradients(false, ofRuntime)]) {
      await source(begin(), [task])
      const before = tf.memory().numTensors
      const [found] = await source(begin(), [task])
      expect(tf.memory().numTensors).toBe(before)
      for (const [i, value] of (plain?.gradients ?? new Float32Array()).entries()) {
        expect(Math.abs(value - (found?.gradients[i] ?? Number.NaN))).toBeLessThan(1e-5 * largest)
      }
    }
    expect(kept).toBeGreaterThan(0)
  })

  it.each([
    [40, 32],
    [32, 40],
  ])("refuses pictures of %d×%d px, whose latents do not halve twice", async (width, height) => {
    const example = {
      ...(EXAMPLES[0] as CachedExample),
      ...{ width, height, latents: new Float32Array((width * height) / 16) },
      control: { width, height, data: new Uint8Array(width * height * 3) },
    }
    const rows = { seed: 3, step: 0, firstRow: 0, examples: [example] }
    await expect(objective(sdxl, schedule, LOW_RANK, begin(), rows)).rejects.toThrow(
      `training: latents are ${width / 8}×${height / 8}, expected multiples of 4`,
    )
  })

  it("trains through the same loop, and continues from named tensors bit for bit", async () => {
    const whole = await run(beginTraining(begin()))
    expect(whole.model.values.every((value, i) => value !== like.values[i])).toBe(true)
    const saved = saveTrainState(LOW_RANK, await run(beginTraining(begin()), 2))
    expect([...saved.tensors.keys()]).toEqual(["model.down", "model.up", "optimizer.m", "optimizer.v"])
    const resumed = await run(loadTrainState(LOW_RANK, structuredClone(saved), begin()))
    expect(resumed).toEqual(whole)
  })
})
