import { enumerateSites } from "@lllite/format/selections"
import { describe, expect, it } from "vitest"
import { type EmaOptions, emaDecay, startEma } from "./ema.ts"
import { LLLITE } from "./lllite-trainable.ts"
import { loadTrainState, saveTrainState } from "./saved-state.ts"
import { type GradientSource, train } from "./train.ts"
import type { TrainOptions } from "./train-options.ts"
import { createTrainState, type TrainState } from "./train-state.ts"
import { trainedModel } from "./trained-model.ts"

describe("the share of the average", () => {
  it("rises as in diffusers", () => {
    // n updates after the first one.
    expect([1, 2, 3, 10].map((step) => emaDecay({}, step))).toEqual([0, 2 / 11, 3 / 12, 10 / 19])
    expect(emaDecay({ decay: 0.5 }, 1000)).toBe(0.5)
    expect(emaDecay({ from: 5 }, 6)).toBe(0)
    expect(emaDecay({ from: 5 }, 7)).toBe(2 / 11)
    expect(emaDecay({ minDecay: 0.9 }, 2)).toBe(0.9)
    expect(emaDecay({ warmup: {} }, 32_000)).toBeCloseTo(0.999, 4)
    expect(emaDecay({ warmup: { power: 0.75, gamma: 2 } }, 9)).toBeCloseTo(1 - 5 ** -0.75, 12)
  })

  it("keeps what diffusers keeps", () => {
    const ema = startEma({ decay: 0.2 }, Float32Array.of(1))
    // The first update takes the values. The second keeps 2/11, the third 0.2.
    for (const [step, value] of [3, 5, 9].entries()) ema.update(Float32Array.of(value), step + 1)
    expect(ema.values[0]).toBeCloseTo(0.2 * ((2 / 11) * 3 + (9 / 11) * 5) + 0.8 * 9, 5)
  })
})

const LAYOUT = { modelChannels: 4, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 } as const
const SITES = enumerateSites(LAYOUT).slice(0, 2)
const EXAMPLES = Array.from({ length: 3 }, () => ({ width: 64, height: 64 }))

const gradients: GradientSource = async ({ values }, tasks) =>
  tasks.map(({ step }) => ({ loss: 1, gradients: values.map((value, i) => value + Math.sin(i + step)) }))

const begin = (): TrainState => createTrainState(SITES, { condDim: 2, mlpDim: 3 }, 1)

async function run(
  state: TrainState,
  steps: number,
  ema: EmaOptions | undefined,
  more: Partial<TrainOptions> = {},
): Promise<TrainState> {
  const options = { steps, batchSize: 2, seed: 1, learningRate: 0.05, ...more, ...(ema === undefined ? {} : { ema }) }
  const running = train(state, EXAMPLES, { gradients, parts: LLLITE.parts(state.model) }, options)
  for (;;) {
    const next = await running.next()
    if (next.done === true) return next.value
  }
}

describe("a run with an average", () => {
  it("trains as without it, and ends with the average", async () => {
    const [plain, averaged] = [await run(begin(), 6, undefined), await run(begin(), 6, { decay: 0.9 })]
    expect(averaged.model.values).toEqual(plain.model.values)
    expect(trainedModel(plain).values).toBe(plain.model.values)
    const found = trainedModel(averaged).values
    expect(found).not.toEqual(plain.model.values)
    expect(found).toBe(averaged.ema)
  })

  it("continues bit for bit from its saved state", async () => {
    const whole = await run(begin(), 7, { decay: 0.9 })
    const part = await run(begin(), 3, { decay: 0.9 })
    const loaded = loadTrainState(LLLITE, saveTrainState(LLLITE, part), begin().model)
    expect(loaded.ema).toEqual(part.ema)
    const ended = await run(loaded, 7, { decay: 0.9 })
    expect(ended.ema).toEqual(whole.ema)
    expect(ended.model.values).toEqual(whole.model.values)
  })

  it("begins with the values of a run that had none, and a run without it drops it", async () => {
    const part = await run(begin(), 3, undefined)
    expect([...saveTrainState(LLLITE, part).tensors.keys()].some((name) => name.startsWith("ema."))).toBe(false)
    const before = part.model.values.slice()
    const ended = await run(part, 4, { decay: 1, minDecay: 1, from: 9 })
    expect(ended.ema).toEqual(ended.model.values)
    expect(ended.ema).not.toEqual(before)
    expect((await run(ended, 5, undefined)).ema).toBeUndefined()
  })

  it("is refused with an average of the optimiser's own, and out of range", async () => {
    const free = { optimizer: { name: "adamwschedulefree" } } as const
    await expect(run(begin(), 2, {}, free)).rejects.toThrow(/"adamwschedulefree": it finds an average itself/)
    await expect(run(begin(), 2, { decay: 1.5 })).rejects.toThrow(
      /training.ema: decay is 1.5, expected a number from 0/,
    )
    await expect(run(begin(), 2, { warmup: { gamma: 0 } })).rejects.toThrow(/gamma is 0, expected a number above 0/)
    expect(() => startEma({}, new Float32Array(3), new Float32Array(2))).toThrow(/has 2 values, expected 3/)
  })

  it("is saved whole: a state that misses a part of it is refused", async () => {
    const { tensors, metadata } = saveTrainState(LLLITE, await run(begin(), 2, {}))
    const cut = new Map([...tensors].filter(([name], i) => !(name.startsWith("ema.") && i % 3 === 0)))
    expect(() => loadTrainState(LLLITE, { tensors: cut, metadata }, begin().model)).toThrow(/"ema\..*" is missing/)
  })
})
