import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { RgbImage } from "../src/image/index.ts"
import { resizeImage } from "../src/image/index.ts"
import type { GenerateEvent, GenerateOptions, PictureRequest } from "../src/index.ts"
import { decodePictures, encodePictures, generate, planSampling } from "../src/index.ts"
import type { LlliteParams, Sdxl } from "../src/models/index.ts"
import { disposeLllite } from "../src/models/index.ts"
import { resizeGrid } from "../src/models/resize-grid.ts"
import { actingLllite } from "./acting-lllite.ts"
import { createSyntheticSdxl } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

/* What a generation says as it runs, in one stage and in two, of pictures that are not square. */

const [WIDTH, HEIGHT] = [128, 64]
const BASE: GenerateOptions = { width: WIDTH, height: HEIGHT, steps: 2, guidanceScale: 1 }
const STAR: PictureRequest = { prompt: "a red star", seed: 5 }
const RING: PictureRequest = { prompt: "two rings", seed: 9 }
const control: RgbImage = {
  ...{ width: WIDTH, height: HEIGHT },
  data: Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => (7 * Math.floor(i / 24)) % 256),
}

let sdxl: Sdxl
let lllite: LlliteParams
beforeAll(async () => {
  sdxl = await createSyntheticSdxl(await startWasm())
  lllite = actingLllite()
})
afterAll(() => {
  disposeLllite(lllite)
  sdxl.dispose()
})

interface Seen {
  readonly events: readonly string[]
  readonly first: readonly RgbImage[]
  readonly images: readonly RgbImage[]
  /** The estimate of the last step of each size, which is where the last of its steps ends. */
  readonly estimates: ReadonlyMap<number, Float32Array>
  readonly deltas: Extract<GenerateEvent, { readonly kind: "deltas" }>["steps"]
}

async function run(requests: readonly PictureRequest[], changes: Partial<GenerateOptions>): Promise<Seen> {
  const [events, first, images]: [string[], RgbImage[], RgbImage[]] = [[], [], []]
  const estimates = new Map<number, Float32Array>()
  let deltas: Seen["deltas"] = []
  const before = tf.memory().numTensors
  for await (const event of generate(sdxl, requests, { ...BASE, ...changes })) {
    switch (event.kind) {
      case "step":
        events.push(`step ${event.step} of ${event.steps} at ${event.sigma.toFixed(3)}`)
        estimates.set(event.denoised.shape[2], await event.denoised.data<"float32">())
        break
      case "tile":
        events.push(`step ${event.step} of ${event.steps}: tile ${event.tile} of ${event.tiles}`)
        break
      case "deltas":
        events.push("deltas")
        deltas = event.steps
        break
      case "first-stage":
        events.push(`first ${event.index} seed ${event.seed}: ${event.image.width}×${event.image.height}`)
        first.push(event.image)
        break
      case "image":
        events.push(`image ${event.index} seed ${event.seed}: ${event.image.width}×${event.image.height}`)
        images.push(event.image)
    }
  }
  expect(tf.memory().numTensors).toBe(before)
  return { events, first, images, estimates, deltas }
}

/** The picture of latents. */
async function decoded(latents: Tensor4D): Promise<RgbImage> {
  for await (const image of decodePictures(sdxl, latents)) return image
  throw new Error("no picture")
}

const at = (sigma: number | undefined): string => (sigma ?? Number.NaN).toFixed(3)

describe("the events of two stages", () => {
  it("count steps and tiles over both, and name pictures by the seeds of their requests", async () => {
    const hires = { scale: 0.5, steps: 2, strength: 0.5 }
    const adapters = [{ lllite, control }]
    const { events, deltas } = await run([STAR, RING], {
      ...{ hires, firstStage: true, adapters, measureAdapters: true, tiles: { size: 64, overlap: 0 } },
    })
    const { sigmas } = planSampling({ steps: 2 }).levels
    expect(events).toEqual([
      `step 1 of 3 at ${at(sigmas[0])}`,
      `step 2 of 3 at ${at(sigmas[1])}`,
      "first 0 seed 5: 64×32",
      "first 1 seed 9: 64×32",
      "step 3 of 3: tile 1 of 2",
      `step 3 of 3 at ${at(sigmas[1])}`,
      "deltas",
      "image 0 seed 5: 128×64",
      "image 1 seed 9: 128×64",
    ])
    expect(deltas.map(({ step, sigma }) => [step, sigma])).toEqual([
      [1, sigmas[0]],
      [2, sigmas[1]],
      [3, sigmas[1]],
    ])
    expect(deltas.every(({ adapters }) => adapters.length === 1 && adapters[0]?.length === 2)).toBe(true)
  })

  it("have no first pictures and no deltas where these are not asked for", async () => {
    const { events } = await run([STAR], { hires: { scale: 0.5, steps: 1, strength: 0 } })
    expect(events).toEqual([expect.stringMatching(/^step 1 of 1/), "image 0 seed 5: 128×64"])
  })
})

describe("the second stage", () => {
  const hires = { scale: 0.5, steps: 1, strength: 0 } as const

  it("begins from the first picture, enlarged by Lanczos", async () => {
    const { first, images } = await run([STAR], { hires, firstStage: true })
    const large = resizeImage(first[0] as RgbImage, WIDTH, HEIGHT, "lanczos")
    const latents = encodePictures(sdxl, [large])
    expect(images[0]).toEqual(await decoded(latents))
    latents.dispose()
  })

  it("begins from the first latents, enlarged by the kernel that is asked for", async () => {
    const pictures: RgbImage[] = []
    for (const kernel of ["bicubic", "bilinear"] as const) {
      const { images, estimates } = await run([STAR], { hires: { ...hires, upscaler: `latents-${kernel}` } })
      const small = tf.tensor4d(estimates.get(8) ?? [], [1, 4, 8, 4])
      const large = resizeGrid(small, { height: HEIGHT / 8, width: WIDTH / 8 }, kernel)
      expect(images[0]).toEqual(await decoded(large))
      pictures.push(images[0] as RgbImage)
      tf.dispose([small, large])
    }
    expect(pictures[0]).not.toEqual(pictures[1])
  })
})

describe("the events of one stage", () => {
  it("count the steps that run from a picture, in deltas as well", async () => {
    const adapters = [{ lllite, control }]
    const start = { image: control, strength: 0.5 }
    const { events, deltas } = await run([STAR], { steps: 4, start, adapters, measureAdapters: true })
    const { sigmas } = planSampling({ steps: 4 }).levels
    const steps = [`step 1 of 2 at ${at(sigmas[2])}`, `step 2 of 2 at ${at(sigmas[3])}`]
    expect(events).toEqual([...steps, "deltas", "image 0 seed 5: 128×64"])
    expect(deltas.map(({ step }) => step)).toEqual([1, 2])
  })

  it("count a sampler's own steps beyond those that were asked for", async () => {
    const samplerOptions = { restarts: 1, restartSteps: 2, restartMin: 0.5, restartMax: 3 }
    const small = { width: 32, height: 32, sampler: "restart", samplerOptions, steps: 5 } as const
    const { events } = await run([STAR], small)
    const counts = events.slice(0, -1).map((event) => /^step (\d+) of (\d+) at/.exec(event)?.slice(1).map(Number) ?? [])
    expect(counts.length).toBeGreaterThan(5)
    expect(counts).toEqual(counts.map((_, i) => [i + 1, Math.max(5, i + 1)]))
  })

  it("end with the error of a picture's step, and leave nothing", async () => {
    const before = tf.memory().numTensors
    const stop = new AbortController()
    const failing = async (): Promise<void> => {
      const options = { ...BASE, hires: { scale: 0.5, steps: 1, strength: 1 }, signal: stop.signal, firstStage: true }
      for await (const event of generate(sdxl, [STAR], options)) {
        if (event.kind === "first-stage") stop.abort(new Error("enough"))
      }
    }
    await expect(failing()).rejects.toThrow("enough")
    expect(tf.memory().numTensors).toBe(before)
  })
})
