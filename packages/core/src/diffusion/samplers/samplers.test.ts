import "@tensorflow/tfjs"
import * as tf from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import { createStream } from "../../random/stream.ts"
import type { Denoise } from "../denoiser.ts"
import { SAMPLER_NAMES, SAMPLERS, type SamplerOptions } from "../names.ts"
import type { StepPosition } from "../pass-position.ts"
import { createNoiseSchedule } from "../schedule.ts"
import { noiseLevels } from "../sigmas.ts"
import { addsNoise, findSampler, finish, type IntervalNoise, type Sampler, startFactor } from "./index.ts"

const schedule = createNoiseSchedule()

/**
 * The best denoiser of normal data with mean 0 and deviation `spread`. The exact path from x at sigma down to 0 is then
 * x * spread / sqrt(spread² + sigma²).
 */
const gaussian =
  (spread: number): Denoise =>
  (x, sigma) =>
    tf.mul(x, spread ** 2 / (spread ** 2 + sigma ** 2))

const noiseOf =
  (shape: readonly number[]): IntervalNoise =>
  ({ from, to, repeat = 0 }) =>
    tf.tensor(createStream(5, `test ${from} ${to} ${repeat}`).normal(shape), [...shape])

const NAMES = Object.keys(SAMPLERS)
/** These choose their own levels between the highest and the lowest. */
const FREE = ["dpm_fast", "dpm_adaptive"]
const BOUND = NAMES.filter((name) => !FREE.includes(name))
/** These sample distilled models only, in at most 50 steps. */
const DISTILLED = ["lcm", "tcd"]
const DETERMINISTIC = BOUND.filter((name) => !addsNoise(findSampler(name)))
const RANDOM = NAMES.filter((name) => addsNoise(findSampler(name)))

async function endOf(name: string, steps: number, denoise: Denoise): Promise<number> {
  const { sample, spacing } = findSampler(name)
  const { sigmas } = noiseLevels(schedule, steps, spacing)
  const start = tf.tensor1d([sigmas[0] as number])
  const end = await finish(sample(denoise, start, sigmas))
  const value = (await end.data())[0] as number
  tf.dispose([start, end])
  return value
}

function exactEnd(name: string, steps: number, spread: number): number {
  const sigma = noiseLevels(schedule, steps, findSampler(name).spacing).sigmas[0] as number
  return (sigma * spread) / Math.hypot(spread, sigma)
}

describe.each(DETERMINISTIC)("%s", (name) => {
  it("approaches the exact path with more steps", async () => {
    const errors: number[] = []
    for (const steps of [10, 40, 160]) {
      errors.push(Math.abs((await endOf(name, steps, gaussian(0.7))) - exactEnd(name, steps, 0.7)))
    }
    // The last step, to sigma 0, is of first order for every method and leaves about 0.001.
    expect(errors[1]).toBeLessThan(Math.max((errors[0] as number) / 2, 1e-3))
    expect(errors[2]).toBeLessThan(Math.max((errors[1] as number) / 2, 1e-3))
    expect(errors[2]).toBeLessThan(0.02)
  })
})

describe.each(RANDOM.filter((name) => !DISTILLED.includes(name)))("%s", (name) => {
  it("spreads many samples like the data", async () => {
    const { sample, spacing } = findSampler(name)
    const { sigmas } = noiseLevels(schedule, 80, spacing)
    const count = 4000
    const start = tf.tensor1d(
      createStream(6, "start")
        .normal(count)
        .map((value) => value * (sigmas[0] as number)),
    )
    const end = await finish(sample(gaussian(0.7), start, sigmas, { noise: noiseOf([count]) }))
    const { variance } = tf.moments(end)
    // The standard error of a deviation over 4000 samples is 1.1 %. The rest is for the error of the steps.
    expect(Math.abs(Math.sqrt((await variance.data())[0] as number) / 0.7 - 1)).toBeLessThan(0.08)
    tf.dispose([start, end])
  })
})

describe.each(RANDOM)("%s", (name) => {
  it("gives the same sample with the same noise, and another with other noise", async () => {
    const { sample } = findSampler(name)
    const start = tf.tensor1d([14])
    const run = async (noise: IntervalNoise): Promise<number> => {
      const options = name === "restart" ? { restarts: 1 } : {}
      const end = await finish(sample(gaussian(1), start, [14, 5, 2, 0.1, 0], { noise, options }))
      const value = (await end.data())[0] as number
      end.dispose()
      return value
    }
    expect(await run(noiseOf([1]))).toBe(await run(noiseOf([1])))
    expect(await run(noiseOf([1]))).not.toBe(await run(() => tf.tensor1d([0.5])))
    start.dispose()
  })

  it("throws without a source of noise", () => {
    const start = tf.tensor1d([14])
    expect(() => findSampler(name).sample(gaussian(1), start, [14, 0])).toThrow(/adds noise/)
    start.dispose()
  })
})

describe.each(NAMES)("%s", (name) => {
  const sample = (denoise: Denoise, start: tf.Tensor, sigmas: readonly number[]): ReturnType<Sampler> =>
    findSampler(name).sample(denoise, start, sigmas, { noise: noiseOf(start.shape) })

  it("reaches x0 in one step when the estimate is right", async () => {
    const start = tf.tensor1d([10, -4])
    const steps = sample(() => tf.tensor1d([0.5, 0.25]), start, [14, 0])
    const end = await finish(steps)
    const values = await end.data()
    expect(values[0]).toBeCloseTo(0.5, 5)
    expect(values[1]).toBeCloseTo(0.25, 5)
    tf.dispose([start, end])
  })

  it("leaves only its result, and the start unchanged", async () => {
    const start = tf.tensor1d([14])
    const before = tf.memory().numTensors
    const end = await finish(sample(gaussian(1), start, [14, 5, 1, 0.3, 0]))
    expect(tf.memory().numTensors).toBe(before + 1)
    expect((await start.data())[0]).toBe(14)
    tf.dispose([start, end])
  })

  it("leaves no tensor when the consumer stops, at any step", async () => {
    const start = tf.tensor1d([14])
    const before = tf.memory().numTensors
    for (const stopAt of [0, 1, 2]) {
      for await (const { index } of sample(gaussian(1), start, [14, 9, 5, 3, 1, 0.5, 0.1, 0]))
        if (index === stopAt) break
      expect(tf.memory().numTensors).toBe(before)
    }
    start.dispose()
  })

  it("leaves no tensor when the denoiser fails", async () => {
    const start = tf.tensor1d([14])
    const before = tf.memory().numTensors
    for (const callsThatWork of [0, 1, 2, 3]) {
      let calls = 0
      const failing: Denoise = (x) => {
        if (calls++ === callsThatWork) throw new Error("lost device")
        return tf.clone(x)
      }
      await expect(finish(sample(failing, start, [14, 9, 5, 1, 0]))).rejects.toThrow("lost device")
      expect(tf.memory().numTensors).toBe(before)
    }
    start.dispose()
  })

  it.each([[[14]], [[1, 5, 0]], [[5, 5, 0]], [[5, 0, 0]], [[5, Number.NaN]], [[Number.POSITIVE_INFINITY, 0]]])(
    "refuses the levels %j",
    async (sigmas) => {
      const start = tf.tensor1d([1])
      const before = tf.memory().numTensors
      await expect(finish(sample(gaussian(1), start, sigmas))).rejects.toThrow(/sigmas/)
      expect(tf.memory().numTensors).toBe(before)
      start.dispose()
    },
  )
})

describe.each(BOUND)("%s", (name) => {
  const sample = (denoise: Denoise, start: tf.Tensor, sigmas: readonly number[]): ReturnType<Sampler> =>
    findSampler(name).sample(denoise, start, sigmas, { noise: noiseOf(start.shape) })

  it("yields each step's level, sample and estimate", async () => {
    const start = tf.tensor1d([14])
    const sigmas = [14, 5, 1, 0]
    const shown: { readonly index: number; readonly count: number; readonly sigma: number }[] = []
    const steps = sample(gaussian(1), start, sigmas)
    let result = await steps.next()
    while (!result.done) {
      const { index, count, sigma, x, denoised } = result.value
      shown.push({ index, count, sigma })
      const expected = ((await x.data())[0] as number) / (1 + sigma ** 2)
      expect((await denoised.data())[0]).toBeCloseTo(expected, 5)
      if (index === 0) expect((await x.data())[0]).toBe(14)
      result = await steps.next()
    }
    expect(shown).toEqual([
      { index: 0, count: 3, sigma: 14 },
      { index: 1, count: 3, sigma: 5 },
      { index: 2, count: 3, sigma: 1 },
    ])
    tf.dispose([start, result.value])
  })

  it("holds no more tensors late in a run than early", async () => {
    const start = tf.tensor1d([14])
    const held: number[] = []
    const steps = sample(gaussian(1), start, noiseLevels(schedule, 12, "linspace").sigmas)
    let result = await steps.next()
    while (!result.done) {
      held.push(tf.memory().numTensors)
      result = await steps.next()
    }
    // By the fifth step every method's memory is full.
    expect(held.at(-1)).toBe(held[4])
    tf.dispose([start, result.value])
  })
})

describe("the order of a method", () => {
  /** Error at a level above 0: the step to 0 itself is of first order for every method. */
  const error = async (name: string, steps: number): Promise<number> => {
    const [from, to, spread] = [14, 0.5, 0.7]
    const sigmas = Array.from({ length: steps + 1 }, (_, i) => from * (to / from) ** (i / steps))
    const start = tf.tensor1d([from])
    const end = await finish(findSampler(name).sample(gaussian(spread), start, sigmas))
    const value = (await end.data())[0] as number
    tf.dispose([start, end])
    return Math.abs(value - (from * Math.hypot(spread, to)) / Math.hypot(spread, from))
  }

  it.each([
    ["euler", 1],
    ["ddim", 1],
    ["heun", 2],
    ["dpm_2", 2],
    ["dpmsolver++", 2],
    ["dpmsolver", 2],
    ["dpmpp_2m", 2],
    ["unipc", 2],
    ["deis", 2],
  ])("of %s is %s", async (name, order) => {
    const measured = Math.log((await error(name, 20)) / (await error(name, 80))) / Math.log(4)
    expect(Math.abs(measured - order)).toBeLessThan(0.25)
  })
})

describe.each(["ddim", "euler", "dpmsolver++"])("%s from noise alone", (name) => {
  it("keeps its digits from the level that stands for infinity on", async () => {
    const { sigmas } = noiseLevels(createNoiseSchedule({ zeroTerminalSnr: true }), 2, "trailing")
    const [first = 0, second = 0] = sigmas
    const [x0, noise] = [0.75, -1.25]
    const start = tf.tensor1d([x0 + first * noise])
    const end = await finish(findSampler(name).sample(() => tf.tensor1d([x0]), start, [first, second]))
    expect((await end.data())[0]).toBeCloseTo(x0 + second * noise, 4)
    tf.dispose([start, end])
  })
})

describe("the position of an evaluation", () => {
  it.each([
    ["euler", [false, false, false]],
    ["heun", [false, true, false, true, false]],
    ["dpm_2", [false, true, false, true, false]],
    ["dpm_2_a", [false, true, false, true, false]],
    ["dpmsolver++", [false, false, false]],
  ])("with %s says whether it lies between two steps", async (name, expected) => {
    const seen: StepPosition[] = []
    const start = tf.tensor1d([14])
    const watched: Denoise = (x, sigma, at) => {
      seen.push(at)
      return gaussian(1)(x, sigma, at)
    }
    const end = await finish(findSampler(name).sample(watched, start, [14, 5, 1, 0], { noise: noiseOf([1]) }))
    expect(seen.map(({ between }) => between)).toEqual(expected)
    expect(seen.at(-1)).toEqual({ step: 2, steps: 3, between: false })
    tf.dispose([start, end])
  })
})

describe("the hook after a step", () => {
  it.each(BOUND)("with %s replaces the sample, gets its level, and leaves no tensor", async (name) => {
    const start = tf.tensor1d([14])
    const before = tf.memory().numTensors
    const levels: number[] = []
    const steps = findSampler(name).sample(gaussian(1), start, [14, 5, 1, 0], {
      noise: noiseOf([1]),
      afterStep(x, { sigma }) {
        levels.push(sigma)
        return tf.fill(x.shape, 10 + sigma)
      },
    })
    const end = await finish(steps)
    expect(levels).toEqual([5, 1, 0])
    expect((await end.data())[0]).toBe(10)
    expect(tf.memory().numTensors).toBe(before + 1)
    tf.dispose([start, end])
  })
})

describe("options of samplers", () => {
  const end = async (name: string, options: SamplerOptions, noise = noiseOf([1])): Promise<number> => {
    const start = tf.tensor1d([14])
    const sample = await finish(findSampler(name).sample(gaussian(1), start, [14, 5, 1, 0], { options, noise }))
    const [value] = await sample.data()
    tf.dispose([start, sample])
    return value as number
  }

  it.each([
    ["euler_a", "euler"],
    ["dpm_2_a", "dpm_2"],
    ["sde-dpmsolver++", "dpmsolver++"],
    ["dpmpp_2m_sde", "dpmpp_2m"],
    ["tcd", "euler"],
  ])("%s without fresh noise is %s", async (name, plain) => {
    expect(await end(name, { eta: 0 })).toBeCloseTo(await end(plain, {}), 5)
  })

  it("lets DDIM add as much noise as Euler's ancestral method", async () => {
    expect(await end("ddim", { eta: 1 })).toBe(await end("euler_a", {}))
    expect(await end("ddim", { eta: 0.5 })).toBe(await end("euler_a", { eta: 0.5 }))
  })

  it.each(["euler", "heun", "dpm_2"])("with %s churns where sigma is in its range", async (name) => {
    const plain = await end(name, {})
    expect(await end(name, { sChurn: 2 })).not.toBe(plain)
    expect(await end(name, { sChurn: 2, sTmin: 20 })).toBe(plain)
    expect(await end(name, { sChurn: 2, sTmax: 0.5 })).toBe(plain)
  })

  it("scales the noise that is added", async () => {
    expect(await end("euler_a", { sNoise: 0.5 })).not.toBe(await end("euler_a", {}))
    const half: IntervalNoise = (interval) => tf.tidy(() => tf.mul(noiseOf([1])(interval), 0.5))
    expect(await end("euler_a", { sNoise: 0.5 })).toBeCloseTo(await end("euler_a", {}, half), 6)
  })

  it.each([
    ["lms", { eta: 1 }, '"lms" does not take the option "eta". It takes no options.'],
    ["euler", { eta: 1 }, '"euler" does not take the option "eta". It takes: sChurn, sTmin, sTmax, sNoise.'],
    ["euler_a", { eta: 2 }, "eta is 2, expected a number from 0 to 1"],
    ["euler", { sChurn: -1 }, "sChurn is -1, expected a number of at least 0"],
    ["euler", { sNoise: Number.NaN }, "sNoise is NaN, expected a number of at least 0"],
    ["unipc", { order: 4 }, "order is 4, expected a whole number from 1 to 3"],
    ["dpmpp_2m_sde", { solver: "bh1" as "heun" }, 'solver is "bh1", expected one of midpoint, heun'],
  ])("of %s: refuses %j by name", async (name, options, message) => {
    await expect(end(name, options)).rejects.toThrow(message)
  })

  it("needs noise only where the options add it", async () => {
    const start = tf.tensor1d([14])
    const sample = await finish(findSampler("euler_a").sample(gaussian(1), start, [14, 5, 0], { options: { eta: 0 } }))
    expect(() => findSampler("euler").sample(gaussian(1), start, [14, 5, 0], { options: { sChurn: 1 } })).toThrow(
      /adds noise/,
    )
    tf.dispose([start, sample])
  })
})

describe("findSampler", () => {
  it("finds every name, and k_euler as euler", () => {
    for (const name of SAMPLER_NAMES) expect(findSampler(name).sample).toBeTypeOf("function")
    expect(findSampler("k_euler").name).toBe("euler")
  })

  it("lists the samplers, also for the names of an object's properties", () => {
    expect(() => findSampler("ipndm")).toThrow(/no sampler "ipndm".*ddim.*euler.*dpmsolver\+\+/)
    expect(() => findSampler("eular")).toThrow(/Did you mean "euler"\?/)
    expect(() => findSampler("constructor")).toThrow(/no sampler "constructor"/)
  })
})

describe("startFactor", () => {
  it("scales unit noise to the first level, with or without the unit of signal", () => {
    expect(startFactor(findSampler("euler"), 12)).toBe(12)
    expect(startFactor(findSampler("ddim"), Math.sqrt(24))).toBeCloseTo(5, 12)
    expect(startFactor(findSampler("euler"), Math.sqrt(24), "leading")).toBeCloseTo(5, 12)
    expect(startFactor(findSampler("euler"), 12, "trailing")).toBe(12)
    expect(startFactor(findSampler("euler"), Math.sqrt(24), "karras", "unit-variance")).toBeCloseTo(5, 12)
    expect(startFactor(findSampler("euler"), 12, "leading", "sigma")).toBe(12)
  })
})
