import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { latentMask } from "../src/generation/mask.ts"
import type { GreyImage, RgbImage } from "../src/image/index.ts"
import { fillMasked } from "../src/image/index.ts"
import type { GenerateOptions, PictureRequest } from "../src/index.ts"
import { createNoiseSource, decodePictures, encodePictures, generate } from "../src/index.ts"
import type { LlliteParams, Sdxl } from "../src/models/index.ts"
import { disposeLllite } from "../src/models/index.ts"
import type { MaskedContent } from "../src/names.ts"
import { disposeParams } from "../src/params.ts"
import { actingLllite } from "./acting-lllite.ts"
import { createSyntheticSdxl, createSyntheticUnet } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

const SIDE = 64
const base: GenerateOptions = { width: SIDE, height: SIDE, steps: 4, guidanceScale: 3 }
const requests: readonly PictureRequest[] = [
  { prompt: "a red star", seed: 1 },
  { prompt: "a blue ring", seed: 2 },
]

function picture(factor: number, side = SIDE): RgbImage {
  return {
    width: side,
    height: side,
    data: Uint8Array.from({ length: side * side * 3 }, (_, i) => (factor * Math.floor(i / 24)) % 256),
  }
}

/** Black on the left, white on the right. */
const mask: GreyImage = {
  width: SIDE,
  height: SIDE,
  data: Uint8Array.from({ length: SIDE * SIDE }, (_, i) => (i % SIDE < SIDE / 2 ? 0 : 255)),
}

describe("pictures from pictures", () => {
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

  async function run(list: readonly PictureRequest[], changes: Partial<GenerateOptions>, model = sdxl) {
    const [images, first, steps]: [RgbImage[], RgbImage[], string[]] = [[], [], []]
    for await (const event of generate(model, list, { ...base, ...changes })) {
      if (event.kind === "image") images.push(event.image)
      else if (event.kind === "first-stage") first.push(event.image)
      else if (event.kind === "step") steps.push(`${event.step}/${event.steps} ${event.denoised.shape[2]}`)
    }
    return { images, first, steps }
  }
  const one = async (changes: Partial<GenerateOptions>, model = sdxl) =>
    (await run(requests.slice(0, 1), changes, model)).images[0] as RgbImage

  async function throughVae(image: RgbImage): Promise<RgbImage> {
    const latents = encodePictures(sdxl, [image])
    const decoded: RgbImage[] = []
    for await (const each of decodePictures(sdxl, latents)) decoded.push(each)
    latents.dispose()
    return decoded[0] as RgbImage
  }

  it("keep the picture at strength 0, and run the part of the steps that the strength says", async () => {
    const image = picture(7)
    const kept = await run(requests.slice(0, 1), { start: { image, strength: 0 } })
    expect(kept.images[0]).toEqual(await throughVae(image))
    expect(kept.steps).toEqual([])
    expect((await run(requests.slice(0, 1), { start: { image, strength: 0.5 } })).steps).toEqual(["1/2 8", "2/2 8"])
    expect((await run(requests.slice(0, 1), { start: { image, strength: 0.01 } })).steps).toHaveLength(1)
  })

  it("give the masked part the content that is asked for", async () => {
    const image = picture(7)
    const content = (maskedContent: MaskedContent) => one({ start: { image, mask, strength: 0, maskedContent } })
    const at0 = (start: RgbImage) => one({ start: { image: start, mask, strength: 0 } })
    expect(await content("original")).toEqual(await at0(image))
    expect(await content("fill")).toEqual(await at0(fillMasked(image, mask)))
    const grey = image.data.map((value, i) => (mask.data[Math.floor(i / 3)] === 255 ? 128 : value))
    expect(await content("grey")).toEqual(await at0({ ...image, data: grey }))

    // Of the latents, the right half is replaced.
    const filled = encodePictures(sdxl, [fillMasked(image, mask)])
    const right = latentMask([mask], { height: 8, width: 8 })
    const unit = createNoiseSource("lllite", [{ seed: 1 }], [8, 8, 4], []).start()
    for (const [name, latents] of [
      ["nothing", tf.mul(filled, tf.sub(1, right))],
      ["noise", tf.add(tf.mul(filled, tf.sub(1, right)), tf.mul(unit, right))],
    ] as const) {
      const decoded: RgbImage[] = []
      for await (const each of decodePictures(sdxl, latents as tf.Tensor4D)) decoded.push(each)
      expect(await content(name), name).toEqual(decoded[0])
      latents.dispose()
    }
    tf.dispose([filled, right, unit])
    await expect(content("latent noise" as MaskedContent)).rejects.toThrow('no masked content "latent noise"')
  })

  it("give every picture of a batch its own start and mask, as alone", async () => {
    const images = [picture(7), picture(3)]
    const other: GreyImage = { ...mask, data: mask.data.map((value) => 255 - value) }
    const { images: both } = await run(requests, { start: { image: images, mask: [mask, other], strength: 0.5 } })
    const alone = await run(requests.slice(1), {
      start: { image: images[1] as RgbImage, mask: other, strength: 0.5 },
    })
    expect(largest(both[1], alone.images[0])).toBeLessThanOrEqual(1)
    expect(largest(both[0], alone.images[0])).toBeGreaterThan(1)
  })

  it("fit a start and a mask of another size", async () => {
    const large = picture(7, 2 * SIDE)
    const small: GreyImage = { width: 2, height: 1, data: Uint8Array.of(0, 255) }
    await expect(one({ start: { image: large, mask: small, strength: 0.5 } })).resolves.toMatchObject({ width: SIDE })
  })

  it("keep what a hard mask protects to the end, and change the rest", async () => {
    const image = picture(7)
    const [made, kept] = [await one({ start: { image, mask, strength: 1 } }), await throughVae(image)]
    const apart = (from: number, to: number): number => {
      let sum = 0
      for (let y = 0; y < SIDE; y++) {
        for (let x = from; x < to; x++) {
          for (let c = 0; c < 3; c++) {
            const at = 3 * (y * SIDE + x) + c
            sum += Math.abs((made.data[at] ?? 0) - (kept.data[at] ?? 0))
          }
        }
      }
      return sum
    }
    // The decoder mixes pixels at the edge, and its norms see the whole picture.
    expect(apart(0, 16)).toBeLessThan(apart(48, 64))
  })

  it("begin one step later with the faults of sd-scripts, unless the offset is 0", async () => {
    const start = { image: picture(7), strength: 0.5 } as const
    const right = await one({ start })
    const copied = await one({ start: { ...start, compat: "sd-scripts" } })
    expect(largest(right, copied)).toBeGreaterThan(1)
    expect(await one({ start: { ...start, compat: "sd-scripts", stepsOffset: 0 } })).toEqual(right)
  })

  it("are drawn in two stages, from pixels and from latents, with adapters in both or in the first", async () => {
    const hires = { scale: 0.5, steps: 2, strength: 0.5 } as const
    const adapters = [{ lllite, control: picture(5) }]
    const made = await run(requests.slice(0, 1), { hires, firstStage: true, adapters })
    expect(made.steps).toEqual(["1/4 4", "2/4 4", "3/4 8", "4/4 8"])
    expect([made.first[0]?.width, made.images[0]?.width]).toEqual([SIDE / 2, SIDE])
    const others = [
      await one({ hires: { ...hires, upscaler: "latents-bicubic" }, adapters }),
      await one({ hires: { ...hires, upscaler: "latents-bilinear" }, adapters }),
      await one({ hires: { ...hires, control: false }, adapters }),
    ]
    for (const other of others) expect(largest(other, made.images[0])).toBeGreaterThan(0)
  })

  it("draw the first stage as a picture of its size", async () => {
    const hires = { scale: 0.5, steps: 2 } as const
    const { first } = await run(requests.slice(0, 1), { hires, firstStage: true })
    expect(first[0]).toEqual(await one({ width: SIDE / 2, height: SIDE / 2, steps: 2 }))
  })

  it("have the full size with latents that grow, also in few steps", async () => {
    const gradualLatent = { timestep: 1000, everySteps: 3 }
    const { steps, images } = await run(requests.slice(0, 1), {
      ...{ width: 128, height: 128, sampler: "euler_a", gradualLatent },
    })
    expect(steps).toEqual(["1/4 8", "2/4 8", "3/4 8", "4/4 8"])
    expect(images[0]?.width).toBe(128)
  })

  it("change with Deep Shrink while it acts", async () => {
    const plain = await one({})
    expect(largest(await one({ deepShrink: { levels: [{ depth: 3, timestep: 650 }] } }), plain)).toBeGreaterThan(0)
    expect(await one({ deepShrink: { levels: [{ depth: 3, timestep: 1000 }] } })).toEqual(plain)
  })

  it("have any size divisible by 8 with an LLLite, unless that is to be strict", async () => {
    const control: RgbImage = { width: 72, height: 40, data: new Uint8Array(72 * 40 * 3).fill(200) }
    const odd = { width: 72, height: 40 }
    const [plain, steered] = [await one(odd), await one({ ...odd, adapters: [{ lllite, control }] })]
    expect([steered.width, steered.height]).toEqual([72, 40])
    expect(largest(plain, steered)).toBeGreaterThan(0)
    await expect(one({ ...odd, adapters: [{ lllite, control }], strict: true })).rejects.toThrow(
      "because 72×40 px is not a multiple of 32. Change this, or leave strict out.",
    )
  })

  it("follow a size of the negative prompt where there is guidance", async () => {
    const negativeSize = { original: [8, 8], crop: [0, 0], target: [SIDE, SIDE] } as const
    expect(largest(await one({ negativeSize }), await one({}))).toBeGreaterThan(0)
    expect(await one({ negativeSize, guidanceScale: 1 })).toEqual(await one({ guidanceScale: 1 }))
  })

  it("give an inpainting U-Net its mask and masked picture, and refuse it without", async () => {
    const unet = await createSyntheticUnet(sdxl.ops, { inChannels: 9 })
    const model = { ...sdxl, unet }
    const image = picture(7)
    await expect(one({}, model)).rejects.toThrow("the checkpoint is for inpainting, and there is no mask")
    await expect(one({ start: { image } }, model)).rejects.toThrow("there is no mask")
    const made = await one({ start: { image, mask, strength: 1 } }, model)
    const hidden: RgbImage = { ...image, data: image.data.map((value, i) => (i % 192 < 96 ? value : 255 - value)) }
    // What the mask covers has no effect: the noise of strength 1 hides it, and the U-Net does not read it.
    expect(largest(await one({ start: { image: hidden, mask, strength: 1 } }, model), made)).toBeLessThan(40)
    disposeParams({ unet })
  })

  it("leave no tensor behind", async () => {
    const before = tf.memory().numTensors
    const start = { image: picture(7), mask, strength: 0.5 } as const
    await one({ start, hires: { scale: 0.5, steps: 2 } })
    await one({ sampler: "euler_a", gradualLatent: {}, deepShrink: { levels: [{ depth: 1, timestep: 500 }] } })
    for await (const event of generate(sdxl, requests, { ...base, start, hires: { scale: 0.5 } })) {
      if (event.kind === "step") break
    }
    expect(tf.memory().numTensors).toBe(before)
  })

  it.each([
    [{ start: { image: [picture(1), picture(2), picture(3)] } }, "3 pictures to start from for 2 pictures"],
    [{ start: { image: picture(1), mask: [mask, mask, mask] } }, "3 masks for 2 pictures"],
    [{ start: { image: picture(1), strength: 1.2 } }, "strength is 1.2, expected a number from 0 to 1"],
    [{ start: { image: mask as RgbImage } }, "a picture to start from is grey, expected RGB"],
    [{ start: { image: picture(1), mask: picture(1) as GreyImage } }, "a mask is RGB, expected grey"],
    [{ hires: { scale: 0.2 } }, "width 64 by the scale 0.2 of hires is less than 32 px"],
    [{ hires: { scale: 0.5, upscaler: "esrgan" as "lanczos" } }, 'hires has no upscaler "esrgan"'],
    [{ gradualLatent: {} }, 'gradualLatent needs the sampler "euler_a", got "euler"'],
    [{ gradualLatent: {}, sampler: "euler_a", start: { image: picture(1), mask } }, "gradualLatent takes no mask"],
    [{ deepShrink: { levels: [] } }, "deepShrink has 0 levels, expected one or two"],
    [{ deepShrink: { levels: [{ depth: 9, timestep: 1 }] } }, "depth is 9, expected a whole number from 0 to 8"],
  ] as readonly (readonly [Partial<GenerateOptions>, string])[])("refuse %#", async (changes, message) => {
    await expect(run(requests, changes)).rejects.toThrow(message)
  })
})

function largest(a: RgbImage | undefined, b: RgbImage | undefined): number {
  if (a === undefined || b === undefined) throw new Error("a picture is missing")
  return a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - (b.data[i] ?? Number.NaN))), 0)
}
