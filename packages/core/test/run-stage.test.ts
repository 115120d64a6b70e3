import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { signal } from "../reference/synthetic.ts"
import { createNoiseSchedule } from "../src/diffusion/schedule.ts"
import { runStage } from "../src/generation/run-stage.ts"
import { planStages, type Stage } from "../src/generation/stages.ts"
import type { GreyImage, RgbImage } from "../src/image/index.ts"
import type { GenerateOptions, PictureRequest } from "../src/index.ts"
import {
  createLatentDenoiser,
  createNoiseSource,
  encodeConditions,
  encodePictures,
  startFromLatents,
  walkLatents,
} from "../src/index.ts"
import type { Sdxl } from "../src/models/index.ts"
import { createTorchGenerator } from "../src/random/torch.ts"
import { createSyntheticSdxl, createSyntheticUnet } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

/* The latents that a stage begins with and ends with. They show what pixels round away, and need no decoder. */

const [WIDTH, HEIGHT] = [64, 32]
const [COLUMNS, ROWS] = [WIDTH / 8, HEIGHT / 8]
const SIZE = ROWS * COLUMNS * 4
const BASE: GenerateOptions = { width: WIDTH, height: HEIGHT, steps: 4, guidanceScale: 1 }
const STAR: PictureRequest = { prompt: "a red star", seed: 1 }
const RING: PictureRequest = { prompt: "two rings", seed: 7 }

function picture(factor: number): RgbImage {
  const data = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => (factor * Math.floor(i / 24)) % 256)
  return { width: WIDTH, height: HEIGHT, data }
}

/** White where `isWhite` says so of a pixel. */
function maskWhere(isWhite: (x: number, y: number) => boolean): GreyImage {
  const data = new Uint8Array(WIDTH * HEIGHT).map((_, i) => (isWhite(i % WIDTH, Math.floor(i / WIDTH)) ? 255 : 0))
  return { width: WIDTH, height: HEIGHT, data }
}

function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a).toHaveLength(b.length)
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] ?? Number.NaN))))
}

let sdxl: Sdxl
beforeAll(async () => {
  sdxl = await createSyntheticSdxl(await startWasm())
})
afterAll(() => sdxl.dispose())

const stagesOf = (options: Partial<GenerateOptions>, requests: readonly PictureRequest[] = [STAR]) =>
  planStages(requests, { ...BASE, ...options }, createNoiseSchedule())

/** The latents and the estimate of a stage's first step. */
async function firstStep(stage: Stage, before: Tensor4D | null = null, model = sdxl) {
  const tensors = tf.memory().numTensors
  for await (const { latents, denoised, step } of runStage(model, stage, before)) {
    const read = { shape: latents.shape, start: await latents.data(), estimate: await denoised.data(), step }
    return { ...read, ends: () => expect(tf.memory().numTensors).toBe(tensors) }
  }
  throw new Error("no step")
}

/** The latents at the end of a stage. */
async function endOf(stage: Stage, before: Tensor4D | null = null): Promise<Float32Array> {
  const walk = runStage(sdxl, stage, before)
  let next = await walk.next()
  while (next.done !== true) next = await walk.next()
  const values = await next.value.data<"float32">()
  next.value.dispose()
  return values
}

/** The draws of PyTorch's generator, of latents each, as [rows, columns, channels]. */
function torchDraw(seed: number, index: number): number[] {
  const generator = createTorchGenerator("torch-cpu", seed)
  let values = new Float32Array()
  for (let i = 0; i <= index; i++) values = Float32Array.from(generator.randn(SIZE))
  return Array.from(values, (_, i) => values[(i % 4) * ROWS * COLUMNS + Math.floor(i / 4)] ?? Number.NaN)
}

describe("a stage that begins from latents", () => {
  const start = { image: picture(7), strength: 0.5 }
  const given = (): Tensor4D => tf.tensor4d(signal("latents", [2, ROWS, COLUMNS, 4]), [2, ROWS, COLUMNS, 4])
  const noise = "torch-cpu"

  /* sd-scripts draws the noise of the start, that of each step, and then the noise of a start from a picture. With
   * 4 steps it has the level of the second one, and the loop begins one step later. */
  it.each([
    ["euler", 1 + 4],
    // Two draws are prepared for each step.
    ["dpm_2_a", 1 + 2 * 4],
  ] as const)("has the noise that sd-scripts draws after all steps, with %s", async (sampler, index) => {
    const requests = [STAR, RING]
    const latents = given()
    const values = await latents.data()
    for (const [compat, level, step, draw] of [
      ["sd-scripts", 1, 2, index],
      [null, 2, 2, 0],
    ] as const) {
      const [stage] = stagesOf({ noise, sampler, start: { ...start, compat } }, requests)
      const first = await firstStep(stage, latents)
      const unit = requests.flatMap(({ seed }) => torchDraw(Number(seed), draw))
      const sigma = stage.plan.levels.sigmas[level] ?? Number.NaN
      expect(
        apart(
          first.start,
          unit.map((value, i) => (values[i] ?? Number.NaN) + sigma * value),
        ),
      ).toBeLessThan(1e-4)
      expect(first.step).toBe(step)
    }
    latents.dispose()
  })

  it("takes nothing that is added to the noise of a start from noise", async () => {
    const startNoise = { offset: { probability: 1, range: [0.5, 0.5] } } as const
    const latents = tf.zeros<tf.Rank.R4>([1, ROWS, COLUMNS, 4])
    const [plain, changed] = [stagesOf({ noise, start })[0], stagesOf({ noise, start, startNoise })[0]]
    expect((await firstStep(changed, latents)).start).toEqual((await firstStep(plain, latents)).start)
    const [fromNoise, offset] = [stagesOf({ noise })[0], stagesOf({ noise, startNoise })[0]]
    const [before, after] = [await firstStep(fromNoise), await firstStep(offset)]
    const sigma = fromNoise.plan.levels.sigmas[0] ?? Number.NaN
    expect(
      apart(
        before.start,
        torchDraw(1, 0).map((value) => sigma * value),
      ),
    ).toBeLessThan(1e-4)
    expect(apart(after.start, before.start)).toBeGreaterThan(1)
    latents.dispose()
  })

  it.each(["sd-scripts", null] as const)(
    "goes on as the phases of generation do, with a sampler that counts the steps before in sd-scripts (%s)",
    async (compat) => {
      const [stage] = stagesOf({ sampler: "lms", noise, start: { ...start, strength: 0.75, compat } })
      const { plan, steps } = stage
      const latents = tf.tidy(() => tf.slice(given(), 0, 1))
      const conditions = encodeConditions(sdxl, [STAR], {
        guided: false,
        size: { original: [HEIGHT, WIDTH], crop: [0, 0], target: [HEIGHT, WIDTH] },
      })
      const source = createNoiseSource(noise, [STAR], [ROWS, COLUMNS, 4], plan.levels.sigmas)
      const unit = compat === null ? source.start() : source.after(4)
      const begun = startFromLatents(plan, latents, unit, steps.from, steps.level)
      const denoise = createLatentDenoiser(sdxl, conditions, plan, { guidanceScale: 1 })
      const ends: Float32Array[] = []
      for (const countsMissed of [compat !== null, compat === null]) {
        const walk = walkLatents(plan, denoise, begun, { from: steps.from, countsMissed })
        let next = await walk.next()
        while (next.done !== true) next = await walk.next()
        ends.push(await next.value.data<"float32">())
        next.value.dispose()
      }
      const made = await endOf(stage, latents)
      expect(apart(made, ends[0] ?? [])).toBeLessThan(1e-4)
      expect(apart(made, ends[1] ?? [])).toBeGreaterThan(1e-3)
      conditions.dispose()
      tf.dispose([latents, unit, begun])
    },
  )
})

describe("a stage with a mask", () => {
  /** The right half of the latents, and the lower half. */
  const right = maskWhere((x) => x >= WIDTH / 2)
  const lower = maskWhere((_, y) => y >= HEIGHT / 2)
  /* A mask gets smaller by a triangle kernel, so the latents on both sides of its edge have a share. */
  const isRight = (i: number): boolean => Math.floor(i / 4) % COLUMNS > COLUMNS / 2
  const isLeft = (i: number): boolean => Math.floor(i / 4) % COLUMNS < COLUMNS / 2 - 1
  const isLower = (i: number): boolean => Math.floor(i / 4 / COLUMNS) % ROWS > ROWS / 2
  const isUpper = (i: number): boolean => Math.floor(i / 4 / COLUMNS) % ROWS < ROWS / 2 - 1

  async function encoded(...pictures: readonly RgbImage[]): Promise<Float32Array> {
    const latents = encodePictures(sdxl, pictures)
    const values = await latents.data<"float32">()
    latents.dispose()
    return values
  }

  it("ends with the picture's latents outside of each picture's own mask", async () => {
    const images = [picture(7), picture(3)]
    const kept = await encoded(...images)
    const end = await endOf(
      stagesOf({ start: { image: images, mask: [right, lower], strength: 0.3 } }, [STAR, RING])[0],
    )
    for (const [i, value] of end.entries()) {
      if (i < SIZE ? isRight(i) : isLower(i - SIZE)) expect(value).not.toBe(kept[i])
      if (i < SIZE ? isLeft(i) : isUpper(i - SIZE)) expect(value).toBeCloseTo(kept[i] ?? Number.NaN, 5)
    }
  })

  it("keeps the picture with the noise at which the last step began, as sd-scripts does", async () => {
    const start = { image: picture(7), mask: right, strength: 0.3, compat: "sd-scripts" } as const
    const [stage] = stagesOf({ noise: "torch-cpu", start })
    const [kept, end] = [await encoded(picture(7)), await endOf(stage)]
    const [unit, sigma] = [torchDraw(1, 1 + 4), stage.plan.levels.sigmas[3] ?? Number.NaN]
    for (const [i, value] of end.entries()) {
      if (isLeft(i)) expect(value).toBeCloseTo((kept[i] ?? Number.NaN) + sigma * (unit[i] ?? Number.NaN), 4)
    }
  })

  it("begins from the stage before, and keeps the picture itself, whatever content the first stage had", async () => {
    const before = tf.fill<tf.Rank.R4>([1, ROWS, COLUMNS, 4], 3)
    for (const maskedContent of ["original", "nothing"] as const) {
      const [stage] = stagesOf({
        noise: "torch-cpu",
        start: { image: picture(7), mask: right, strength: 0.3, maskedContent },
      })
      const { start } = await firstStep(stage, before)
      const sigma = stage.plan.levels.sigmas[3] ?? Number.NaN
      expect(
        apart(
          start,
          torchDraw(1, 0).map((value) => 3 + sigma * value),
        ),
      ).toBeLessThan(1e-4)
      const [kept, end] = [await encoded(picture(7)), await endOf(stage, before)]
      for (const [i, value] of end.entries()) {
        if (isLeft(i)) expect(value).toBeCloseTo(kept[i] ?? Number.NaN, 5)
        if (isRight(i)) expect(value).not.toBe(kept[i])
      }
    }
    expect(await before.data()).toEqual(new Float32Array(SIZE).fill(3))
    before.dispose()
  })

  it("takes no content for a masked part where there is no mask", async () => {
    const of = async (more: { readonly maskedContent?: "nothing" }) =>
      (await firstStep(stagesOf({ start: { image: picture(7), strength: 0.3, ...more } })[0])).start
    expect(await of({ maskedContent: "nothing" })).toEqual(await of({}))
  })

  it("has zeros, or unit noise, where the masked part is to begin as these", async () => {
    for (const maskedContent of ["nothing", "noise"] as const) {
      const start = { image: picture(7), mask: right, strength: 0.3, maskedContent }
      const [stage] = stagesOf({ noise: "torch-cpu", start })
      const first = await firstStep(stage)
      const [unit, sigma] = [torchDraw(1, 0), stage.plan.levels.sigmas[3] ?? Number.NaN]
      const content = maskedContent === "nothing" ? 0 : 1
      for (const [i, value] of first.start.entries()) {
        if (isRight(i)) expect(value).toBeCloseTo((content + sigma) * (unit[i] ?? Number.NaN), 4)
      }
      first.ends()
    }
  })

  it("shows an inpainting U-Net one picture under the masks of all members of a batch", async () => {
    const model = { ...sdxl, unet: await createSyntheticUnet(sdxl.ops, { inChannels: 9 }) }
    const image = picture(7)
    const stage = (requests: readonly PictureRequest[], mask: GreyImage | readonly GreyImage[]) =>
      stagesOf({ start: { image, mask, strength: 0.3 } }, requests)[0]
    const both = await firstStep(stage([STAR, RING], [right, lower]), null, model)
    both.ends()
    const alone = [
      await firstStep(stage([STAR], right), null, model),
      await firstStep(stage([RING], lower), null, model),
    ]
    expect(
      apart(
        both.estimate,
        alone.flatMap(({ estimate }) => [...estimate]),
      ),
    ).toBeLessThan(1e-3)
    const swapped = await firstStep(stage([STAR], lower), null, model)
    expect(apart(swapped.estimate, alone[0]?.estimate ?? [])).toBeGreaterThan(1e-2)
  })
})

describe("a stage", () => {
  it("leaves the latents as they are where no step runs", async () => {
    const latents = tf.fill<tf.Rank.R4>([1, ROWS, COLUMNS, 4], 2)
    const [stage] = stagesOf({ start: { image: picture(1), strength: 0 } })
    expect(await endOf(stage, latents)).toEqual(new Float32Array(SIZE).fill(2))
    latents.dispose()
  })

  it("is drawn in tiles where one of its sides is longer than a tile", async () => {
    const tilesOf = async (options: Partial<GenerateOptions>): Promise<readonly string[]> => {
      const seen: string[] = []
      const walk = runStage(sdxl, stagesOf(options)[0], null, null, async ({ tile, tiles }) => {
        seen.push(`${tile}/${tiles}`)
      })
      await walk.next()
      await walk.return(tf.zeros([1, 1, 1, 1]))
      return seen
    }
    const tiles = { size: 64, overlap: 0 }
    expect(await tilesOf({ width: 64, height: 64, tiles })).toEqual([])
    expect(await tilesOf({ width: 32, height: 128, tiles })).toEqual(["1/2"])
    expect(await tilesOf({ width: 128, height: 32, tiles })).toEqual(["1/2"])
  })

  it("finds the name of a textual inversion in words, as sd-scripts does, where that is asked", async () => {
    const vectors = { vectors: 1, text1: signal("ink/1", [1, 8]), text2: signal("ink/2", [1, 8]) }
    const textualInversions = [{ name: "ink", ...vectors }]
    const estimate = async (options: Partial<GenerateOptions>) =>
      (await firstStep(stagesOf(options, [{ prompt: "drinking", seed: 1 }])[0])).estimate
    const plain = await estimate({})
    expect(await estimate({ textualInversions })).toEqual(plain)
    const prompts = { compat: "sd-scripts" } as const
    expect(await estimate({ prompts })).toEqual(plain)
    expect(apart(await estimate({ textualInversions, prompts }), plain)).toBeGreaterThan(1e-3)
  })

  it("has the parts of both prompts that act at its step", async () => {
    const estimate = async (prompt: string, negativePrompt: string, more: Partial<GenerateOptions> = {}) => {
      const [stage] = stagesOf({ guidanceScale: 3, ...more }, [{ prompt, negativePrompt, seed: 1 }])
      const { estimate, ends } = await firstStep(stage)
      ends()
      return estimate
    }
    const plain = await estimate("two rings", "fog")
    const late = [{ start: 1 }, {}]
    const two = ["a red star AND two rings", "a cat AND fog"] as const
    expect(apart(await estimate(...two, { parts: late, negativeParts: late }), plain)).toBeLessThan(2e-3)
    // A part that sees all of the picture, as a piece of it.
    const seeing = [{ area: { left: 0, top: 0, width: 1, height: 1 }, sees: "area" }] as const
    expect(apart(await estimate("two rings", "fog", { parts: seeing, negativeParts: seeing }), plain)).toBeLessThan(
      2e-3,
    )
    expect(apart(await estimate(...two, { negativeParts: late }), plain)).toBeGreaterThan(2e-2)
  })

  it("reads each prompt's text once for all steps", async () => {
    let linears = 0
    const linear: typeof sdxl.ops.linear = (x, weight) => {
      linears += 1
      return sdxl.ops.linear(x, weight)
    }
    const model = { ...sdxl, ops: { ...sdxl.ops, linear } }
    /** The linear layers up to the first step, and those of the second. */
    const countsOf = async (options: Partial<GenerateOptions>, prompt: string): Promise<readonly number[]> => {
      const counts: number[] = []
      linears = 0
      for await (const _ of runStage(model, stagesOf(options, [{ prompt, seed: 1 }])[0], null)) {
        counts.push(linears)
        linears = 0
        if (counts.length === 2) break
      }
      return counts
    }
    const [first = 0, second = 0] = await countsOf({}, "a red star")
    linears = 0
    const size = { original: [HEIGHT, WIDTH], crop: [0, 0], target: [HEIGHT, WIDTH] } as const
    encodeConditions(model, [STAR], { guided: false, size }).dispose()
    // The first pass has the keys and values of the text beside what the second one has.
    expect(first - linears).toBeGreaterThan(second)
    // Passes of both first prompts, of the second part, and of the empty prompt.
    const composed = await countsOf({ guidanceScale: 3, negativeScale: 2 }, "a red star AND two rings")
    expect(composed[1]).toBe(3 * second)
  })

  it("grows its latents by the steps that run, each with noise of its size", async () => {
    const start = { image: picture(7), strength: 0.5 }
    const [stage] = stagesOf({
      sampler: "euler_a",
      width: 128,
      height: 64,
      start,
      gradualLatent: { timestep: 500, ratioStep: 0.5 },
    })
    const latents = tf.zeros<tf.Rank.R4>([1, 8, 16, 4])
    const tensors = tf.memory().numTensors
    const shapes: number[][] = []
    const walk = runStage(sdxl, stage, latents)
    let next = await walk.next()
    for (; next.done !== true; next = await walk.next()) shapes.push(next.value.denoised.shape)
    expect(shapes).toEqual([
      [1, 4, 8, 4],
      [1, 8, 16, 4],
    ])
    expect(next.value.shape).toEqual([1, 8, 16, 4])
    next.value.dispose()
    expect(tf.memory().numTensors).toBe(tensors)
    latents.dispose()
  })

  it("frees memory after the text, and at its end", async () => {
    let trims = 0
    const ops = { ...sdxl.ops, trim: () => void trims++ }
    const walk = runStage({ ...sdxl, ops }, stagesOf({})[0], null)
    await walk.next()
    expect(trims).toBe(1)
    await walk.return(tf.zeros([1, 1, 1, 1]))
    expect(trims).toBe(2)
  })
})
