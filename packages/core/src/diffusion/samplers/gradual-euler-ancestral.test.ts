import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, describe, expect, it } from "vitest"
import { startWasm } from "../../../test/wasm.ts"
import { blurGrid, resizeGrid } from "../../models/resize-grid.ts"
import { createStream } from "../../random/stream.ts"
import type { Denoise } from "../denoiser.ts"
import type { GradualLatent, GradualSizes } from "../gradual-latent.ts"
import { gradualStart } from "./gradual-euler-ancestral.ts"
import { findSampler, finish, type IntervalNoise, withGradualLatent } from "./index.ts"

const SIGMAS = [5, 2, 0.5, 0]
const SMALL = { height: 2, width: 3 }
const FULL = { height: 4, width: 5 }
const KEPT: GradualSizes = { start: SMALL, growth: [null, null, null] }
const GROWING: GradualSizes = { start: SMALL, growth: [null, FULL, null] }
const UNSHARP = { kernel: 3, sigma: 0.8, strength: 0.6 }

const shapeOf = ({ height, width }: typeof FULL): [number, number, number, number] => [1, height, width, 2]
const latents = (size: typeof FULL, name = "latents"): Tensor4D =>
  tf.tensor4d(createStream(1, name).normal(shapeOf(size)), shapeOf(size))

/** Noise of the first interval at the small size, and of the second at the size after it. */
const noiseAt =
  (sizes: GradualSizes): IntervalNoise =>
  ({ from }) =>
    latents(from === 5 ? SMALL : (sizes.growth[1] ?? SMALL), `noise ${from}`)

/** Predicts a share of x, which is not linear in sigma. */
const denoised = (x: tf.Tensor, sigma: number): tf.Tensor => tf.mul(x, 1 / (1 + sigma ** 2))
const denoise: Denoise = denoised

const walk = async (gradual: GradualLatent, sizes: GradualSizes): Promise<Tensor4D> => {
  const { sample } = withGradualLatent(findSampler("euler_a"), gradual, sizes)
  const options = { noise: noiseAt(sizes), options: { sNoise: 0.9 } }
  return (await finish(sample(denoise, latents(SMALL), SIGMAS, options))) as Tensor4D
}

/** The same run, written down step by step. */
function expected(grow: (x: Tensor4D, slope: Tensor4D, change: number) => Tensor4D, growthNoise: number): Tensor4D {
  const step = (x: Tensor4D, i: number): Tensor4D => {
    const [sigma, next] = [SIGMAS[i] as number, SIGMAS[i + 1] as number]
    const up = next * Math.sqrt(1 - (next / sigma) ** 2)
    const change = next ** 2 / sigma - sigma
    const slope = tf.div<Tensor4D>(tf.sub(x, denoised(x, sigma)), sigma)
    if (i === 2) return tf.add(x, tf.mul(slope, change))
    const moved = i === 1 ? grow(x, slope, change) : tf.add<Tensor4D>(x, tf.mul(slope, change))
    return tf.add(moved, tf.mul(noiseAt(GROWING)({ from: sigma, to: next }), up * (i === 1 ? growthNoise : 0.9)))
  }
  return [0, 1, 2].reduce(step, latents(SMALL))
}

const resized = (x: Tensor4D): Tensor4D => resizeGrid(x, FULL, "bicubic")
const sharpened = (x: Tensor4D): Tensor4D =>
  tf.add(x, tf.mul(tf.sub(x, blurGrid(x, UNSHARP.kernel, UNSHARP.sigma)), UNSHARP.strength))

function expectClose(x: Tensor4D, other: Tensor4D): void {
  expect(x.shape).toEqual(other.shape)
  const values = other.dataSync()
  for (const [i, value] of x.dataSync().entries()) expect(value).toBeCloseTo(values[i] as number, 4)
}

beforeAll(async () => {
  await startWasm()
})

describe("Euler's ancestral method with latents that grow", () => {
  it("is the plain method where they keep their size", async () => {
    const plain = findSampler("euler_a").sample
    const options = { noise: noiseAt(KEPT), options: { sNoise: 0.9 } }
    const end = (await finish(plain(denoise, latents(SMALL), SIGMAS, options))) as Tensor4D
    expectClose(await walk({ unsharp: { ...UNSHARP, target: "start" } }, KEPT), end)
  })

  it("enlarges the result of a step before its noise, which has its own factor", async () => {
    const grow = (x: Tensor4D, slope: Tensor4D, change: number): Tensor4D => resized(tf.add(x, tf.mul(slope, change)))
    expectClose(await walk({ sNoise: 1.3 }, GROWING), expected(grow, 1.3))
    expectClose(await walk({ unsharp: null }, GROWING), expected(grow, 1))
  })

  it("sharpens the result of the step, or what it starts from", async () => {
    const after = (x: Tensor4D, slope: Tensor4D, change: number): Tensor4D =>
      sharpened(resized(tf.add(x, tf.mul(slope, change))))
    const before = (x: Tensor4D, slope: Tensor4D, change: number): Tensor4D =>
      tf.add(sharpened(resized(x)), tf.mul(resized(slope), change))
    expectClose(await walk({ unsharp: UNSHARP }, GROWING), expected(after, 1))
    expectClose(await walk({ unsharp: { ...UNSHARP, target: "start" } }, GROWING), expected(before, 1))
  })

  it("begins with smaller latents, whose pixels are read by the ratio, sharpened if asked", () => {
    const full = latents({ height: 7, width: 9 })
    const sizes = { start: { height: 3, width: 4 } }
    const start = resizeGrid(full, sizes.start, "bicubic", 2)
    expectClose(gradualStart({ ratio: 0.5 }, sizes, full), start)
    expectClose(gradualStart({}, sizes, full), start)
    expectClose(gradualStart({ unsharp: UNSHARP }, sizes, full), sharpened(start))
  })

  it("is there for no other sampler", () => {
    expect(() => withGradualLatent(findSampler("euler"), {}, KEPT)).toThrow(
      'gradual latent needs "euler_a", got "euler"',
    )
  })
})
