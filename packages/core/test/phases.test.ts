import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { AfterStep, PassPosition } from "../src/diffusion/index.ts"
import type { RgbImage } from "../src/image/index.ts"
import type { PictureRequest, SamplingChoice, SamplingPlan } from "../src/index.ts"
import {
  createLatentDenoiser,
  createNoiseSource,
  decodePictures,
  encodeConditions,
  encodePictures,
  generate,
  keepOutside,
  planSampling,
  startFromLatents,
  startFromNoise,
  walkLatents,
} from "../src/index.ts"
import type { Sdxl } from "../src/models/index.ts"
import { createSyntheticSdxl } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

const SIDE = 64
const LATENT_SIDE = SIDE / 8
const REQUEST: PictureRequest = { prompt: "a red star", negativePrompt: "a ring", seed: 3 }
const GUIDANCE = 4

const PICTURE: RgbImage = {
  width: SIDE,
  height: SIDE,
  data: Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (7 * i) % 256),
}

/* Other ways to make a picture, composed of the phases of `generate`. */
describe("the phases of generation", () => {
  let sdxl: Sdxl
  beforeAll(async () => {
    sdxl = await createSyntheticSdxl(await startWasm())
  })
  afterAll(() => sdxl.dispose())

  interface Run {
    readonly choice?: SamplingChoice
    /** The start, from the plan and unit noise. Default: noise. */
    readonly start?: (plan: SamplingPlan, unit: Tensor4D) => Tensor4D
    readonly afterStep?: (unit: Tensor4D) => AfterStep
    readonly from?: number
    readonly to?: number
    readonly seen?: (at: Omit<PassPosition, "timestep">) => void
  }

  /** Latents of one picture. */
  async function latentsOf({ choice = {}, start = startFromNoise, afterStep, from = 0, to, seen }: Run) {
    const plan = planSampling({ steps: 4, ...choice })
    const conditions = encodeConditions(sdxl, [REQUEST], {
      guided: true,
      size: { original: [SIDE, SIDE], crop: [0, 0], target: [SIDE, SIDE] },
    })
    const denoise = createLatentDenoiser(sdxl, conditions, plan, { guidanceScale: GUIDANCE })
    const shape = [LATENT_SIDE, LATENT_SIDE, sdxl.vae.config.latentChannels] as const
    const noise = createNoiseSource("lllite", [REQUEST], shape, plan.levels.sigmas)
    const unit = noise.start()
    const first = start(plan, unit)
    const walk = walkLatents(
      plan,
      (x, sigma, at) => {
        seen?.({ ...at, sigma })
        return denoise(x, sigma, at)
      },
      first,
      {
        noise: noise.between,
        from,
        ...(to === undefined ? {} : { to }),
        ...(afterStep === undefined ? {} : { afterStep: afterStep(unit) }),
      },
    )
    let next = await walk.next()
    while (next.done !== true) next = await walk.next()
    tf.dispose([unit, first])
    conditions.dispose()
    return next.value
  }

  async function pictureOf(latents: Tensor4D): Promise<RgbImage> {
    for await (const image of decodePictures(sdxl, latents)) return image
    throw new Error("no picture")
  }

  it.each(["euler", "euler_a", "dpm_2_a"] as const)("compose to the pictures of generate, with %s", async (sampler) => {
    const before = tf.memory().numTensors
    const latents = await latentsOf({ choice: { sampler } })
    const image = await pictureOf(latents)
    latents.dispose()
    const options = { width: SIDE, height: SIDE, steps: 4, guidanceScale: GUIDANCE, sampler }
    for await (const event of generate(sdxl, [REQUEST], options)) {
      if (event.kind === "image") expect(image).toEqual(event.image)
    }
    expect(tf.memory().numTensors).toBe(before)
  })

  it.each(["euler", "euler_a"] as const)("walk the same in two parts and in one, with %s", async (sampler) => {
    const whole = await latentsOf({ choice: { sampler } })
    const half = await latentsOf({ choice: { sampler }, to: 2 })
    const rest = await latentsOf({ choice: { sampler }, start: () => tf.clone(half), from: 2 })
    expect(await rest.data()).toEqual(await whole.data())
    tf.dispose([whole, half, rest])
  })

  it("start from a picture with noise of a level in the middle: image to image", async () => {
    const before = tf.memory().numTensors
    const encoded = encodePictures(sdxl, [PICTURE])
    expect(encoded.shape).toEqual([1, LATENT_SIDE, LATENT_SIDE, 4])
    const sigmas = planSampling({ steps: 4 }).levels.sigmas
    const distances: number[] = []
    for (const from of [1, 2, 3]) {
      const seen: Omit<PassPosition, "timestep">[] = []
      const latents = await latentsOf({
        from,
        start: (plan, unit) => startFromLatents(plan, encoded, unit, from),
        seen: (at) => seen.push(at),
      })
      // The network gets the number of steps in the whole plan.
      expect(seen.map(({ step, steps }) => [step, steps])).toEqual([1, 2, 3].slice(from - 1).map((step) => [step, 4]))
      expect(seen[0]?.sigma).toBe(sigmas[from])
      distances.push(await distance(latents, encoded))
      const image = await pictureOf(latents)
      expect([image.width, image.height]).toEqual([SIDE, SIDE])
      latents.dispose()
    }
    // With less noise, the result is nearer to the picture.
    expect(distances[0]).toBeGreaterThan(distances[1] as number)
    expect(distances[1]).toBeGreaterThan(distances[2] as number)
    encoded.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  it("adds no noise to latents at the end of the walk, and refuses a step that does not exist", () => {
    tf.tidy(() => {
      const plan = planSampling({ steps: 4 })
      const [latents, unit] = [tf.ones<tf.Rank.R4>([1, 2, 2, 4]), tf.ones<tf.Rank.R4>([1, 2, 2, 4])]
      expect([...startFromLatents(plan, latents, unit, 4).dataSync()]).toEqual(Array(16).fill(1))
      expect(() => startFromLatents(plan, latents, unit, 5)).toThrow("step is 5, expected 0 to 4")
    })
  })

  it.each([["euler"], ["heun"], ["dpmsolver++"], ["unipc"]] as const)(
    "keep a picture outside of a mask, with %s",
    async (sampler) => {
      const before = tf.memory().numTensors
      const encoded = encodePictures(sdxl, [PICTURE])
      // The left half changes.
      const mask = tf.tensor4d(
        Array.from({ length: LATENT_SIDE ** 2 }, (_, i) => (i % LATENT_SIDE < LATENT_SIDE / 2 ? 1 : 0)),
        [1, LATENT_SIDE, LATENT_SIDE, 1],
      )
      const latents = await latentsOf({
        choice: { sampler },
        from: 1,
        start: (plan, unit) => startFromLatents(plan, encoded, unit, 1),
        afterStep: (unit) => keepOutside({ latents: encoded, mask, unit }),
      })
      const differences = tf.tidy(() => tf.sum(tf.abs(tf.sub(latents, encoded)), [0, 3]).arraySync() as number[][])
      for (const row of differences) {
        expect(Math.max(...row.slice(LATENT_SIDE / 2))).toBe(0)
        expect(Math.min(...row.slice(0, LATENT_SIDE / 2))).toBeGreaterThan(0)
      }
      tf.dispose([encoded, mask, latents])
      expect(tf.memory().numTensors).toBe(before)
    },
  )

  it("leave no tensor when a walk ends early", async () => {
    const before = tf.memory().numTensors
    const plan = planSampling({ steps: 4 })
    const start = tf.ones<tf.Rank.R4>([1, 2, 2, 4])
    for await (const { step } of walkLatents(plan, (x) => tf.clone(x), start)) if (step === 1) break
    start.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  it.each([[{ from: 2, to: 2 }], [{ from: -1 }], [{ to: 5 }], [{ from: 0.5 }]])(
    "refuse the part %j of four steps",
    async (part) => {
      const start = tf.ones<tf.Rank.R4>([1, 2, 2, 4])
      const walk = walkLatents(planSampling({ steps: 4 }), (x) => tf.clone(x), start, part)
      await expect(walk.next()).rejects.toThrow("expected 0 ≤ from < to ≤ 4")
      start.dispose()
    },
  )

  it("encode pictures that are not square in their order, with the rows of their height", async () => {
    const lying = [3, 5].map((factor): RgbImage => {
      const data = Uint8Array.from({ length: 64 * 32 * 3 }, (_, i) => (factor * i) % 256)
      return { width: 64, height: 32, data }
    })
    const together = encodePictures(sdxl, lying)
    const alone = lying.map((picture) => encodePictures(sdxl, [picture]))
    expect(together.shape).toEqual([2, 4, 8, 4])
    const rows = await Promise.all(alone.map((latents) => latents.data()))
    expect([...(await together.data())]).toEqual(rows.flatMap((values) => [...values]))
    expect(rows[0]).not.toEqual(rows[1])
    tf.dispose([together, ...alone])
  })

  it("refuse pictures of two sizes, and none", () => {
    const other: RgbImage = { width: 32, height: 32, data: new Uint8Array(32 * 32 * 3) }
    expect(() => encodePictures(sdxl, [PICTURE, other])).toThrow("64×64 and 32×32 px")
    expect(() => encodePictures(sdxl, [])).toThrow("got none")
  })
})

async function distance(a: Tensor4D, b: Tensor4D): Promise<number> {
  const mean = tf.tidy(() => tf.mean(tf.abs(tf.sub(a, b))))
  const [value] = await mean.data()
  mean.dispose()
  return value as number
}
