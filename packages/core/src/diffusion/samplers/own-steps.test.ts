import "@tensorflow/tfjs"
import * as tf from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import { createStream } from "../../random/stream.ts"
import type { Denoise } from "../denoiser.ts"
import type { SamplerOptions } from "../names.ts"
import { createNoiseSchedule } from "../schedule.ts"
import { noiseLevels } from "../sigmas.ts"
import { findSampler, finish, type IntervalNoise } from "./index.ts"

/* Samplers whose steps are not those from level to level. */

const schedule = createNoiseSchedule()

/** The best denoiser of normal data with mean 0 and deviation `spread`. */
const gaussian =
  (spread: number): Denoise =>
  (x, sigma) =>
    tf.mul(x, spread ** 2 / (spread ** 2 + sigma ** 2))

const noiseOf: IntervalNoise = ({ from, to, repeat = 0 }) =>
  tf.tensor(createStream(5, `${from} ${to} ${repeat}`).normal([1]))

describe("samplers that choose their own levels", () => {
  it("dpm_fast makes as many evaluations as there are steps, down to the lowest level above 0", async () => {
    for (const steps of [1, 2, 3, 4, 5, 6, 10, 20]) {
      const { sigmas } = noiseLevels(schedule, steps, "karras")
      let calls = 0
      const start = tf.tensor1d([sigmas[0] as number])
      const counted: Denoise = (x, sigma, at) => {
        calls += 1
        return gaussian(0.7)(x, sigma, at)
      }
      const end = await finish(findSampler("dpm_fast").sample(counted, start, sigmas))
      expect(calls).toBe(steps)
      tf.dispose([start, end])
    }
  })

  it("dpm_adaptive follows the exact path to its tolerance", async () => {
    const { sigmas } = noiseLevels(schedule, 10, "karras")
    const [from, to] = [sigmas[0] as number, sigmas.at(-2) as number]
    const exact = (from * Math.hypot(0.7, to)) / Math.hypot(0.7, from)
    const errors: number[] = []
    for (const rtol of [0.05, 0.0001]) {
      const start = tf.tensor1d([from])
      const options = { rtol, atol: rtol / 10 }
      const end = await finish(findSampler("dpm_adaptive").sample(gaussian(0.7), start, sigmas, { options }))
      errors.push(Math.abs(((await end.data())[0] as number) - exact))
      tf.dispose([start, end])
    }
    expect(errors[0]).toBeLessThan(0.03)
    expect(errors[1]).toBeLessThan((errors[0] as number) / 5)
  })

  it("dpm_adaptive says where the network's output is not finite", async () => {
    const start = tf.tensor1d([14])
    const before = tf.memory().numTensors
    const broken: Denoise = (x) => tf.fill(x.shape, Number.NaN)
    await expect(finish(findSampler("dpm_adaptive").sample(broken, start, [14, 1, 0]))).rejects.toThrow(
      /dpm_adaptive finds no step at sigma 14/,
    )
    expect(tf.memory().numTensors).toBe(before)
    start.dispose()
  })
})

describe("restart", () => {
  const levels = async (steps: number, options: SamplerOptions = {}): Promise<readonly number[]> => {
    const { sigmas } = noiseLevels(schedule, steps, "karras")
    const start = tf.tensor1d([sigmas[0] as number])
    const seen: number[] = []
    const walk = findSampler("restart").sample(gaussian(1), start, sigmas, { noise: noiseOf, options })
    for await (const { sigma } of walk) seen.push(sigma)
    start.dispose()
    return seen
  }
  const rises = (sigmas: readonly number[]): number =>
    sigmas.filter((sigma, i) => i > 0 && sigma > (sigmas[i - 1] as number)).length

  it.each([
    [10, 0],
    [20, 1],
    [40, 2],
  ])("in %s steps goes back %s times, and makes no more steps", async (steps, times) => {
    const seen = await levels(steps)
    expect(seen.length).toBe(steps)
    expect(rises(seen)).toBe(times)
  })

  it("goes back as often and as far as it is told", async () => {
    const seen = await levels(12, { restarts: 3, restartSteps: 4, restartMax: 5 })
    expect(rises(seen)).toBe(3)
    expect(seen.length).toBe(12 + 3 * 3)
  })
})
