import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { createSyntheticSdxl } from "../../test/synthetic-sdxl.ts"
import { startWasm } from "../../test/wasm.ts"
import type { GreyImage, RgbImage } from "../image.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { encodeFloats } from "./encode-pictures.ts"
import { checkChannels, inpaintChannels } from "./inpaint-channels.ts"

const [WIDTH, HEIGHT] = [64, 32]
const picture = (factor: number): RgbImage => ({
  ...{ width: WIDTH, height: HEIGHT },
  data: Uint8Array.from({ length: 3 * WIDTH * HEIGHT }, (_, i) => (factor * i) % 256),
})
const mask = (valueAt: (x: number, y: number) => number): GreyImage => ({
  ...{ width: WIDTH, height: HEIGHT },
  data: Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => valueAt(i % WIDTH, Math.floor(i / WIDTH))),
})

describe("what an inpainting U-Net reads", () => {
  let sdxl: Sdxl
  beforeAll(async () => {
    sdxl = await createSyntheticSdxl(await startWasm())
  })
  afterAll(() => sdxl.dispose())

  it("is each picture's hard mask, and its latents with the masked pixels grey", async () => {
    const pictures = [picture(3), picture(7)]
    // Half white counts, and less does not. The second mask begins inside of the latents of column 2 and row 1.
    const masks = [mask((x, y) => (x >= 40 && y < 16 ? 128 : 127)), mask((x, y) => (x >= 20 && y >= 12 ? 255 : 0))]
    const before = tf.memory().numTensors
    const channels = inpaintChannels(sdxl, pictures, masks)
    expect(channels.shape).toEqual([2, 4, 8, 5])
    const values = (await channels.array()) as number[][][][]
    const planes = values.map((rows) => rows.map((row) => row.map(([first]) => first).join("")))
    expect(planes).toEqual([
      // Of each 8×8 pixels, the first one counts.
      ["00000111", "00000111", "00000000", "00000000"],
      ["00000000", "00000000", "00011111", "00011111"],
    ])
    for (const [i, { data }] of pictures.entries()) {
      const shown = Float32Array.from(data, (value, at) =>
        ((masks[i] as GreyImage).data[Math.floor(at / 3)] ?? 0) >= 128 ? 0 : (value / 255) * 2 - 1,
      )
      const hidden = encodeFloats(sdxl, shown, { width: WIDTH, height: HEIGHT })
      const wanted = (await hidden.array()) as number[][][][]
      expect(values[i]?.map((row) => row.map((latent) => latent.slice(1)))).toEqual(wanted[0])
      hidden.dispose()
    }
    channels.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  it("has one mask for all pictures, which is resized", async () => {
    const small: GreyImage = { width: 2, height: 1, data: Uint8Array.of(0, 255) }
    const channels = inpaintChannels(sdxl, [picture(3), picture(7)], [small])
    const values = (await channels.array()) as number[][][][]
    for (const rows of values) {
      expect(rows[0]?.map(([first]) => first).join("")).toMatch(/^0001{5}$|^00001111$/)
    }
    channels.dispose()
  })

  it("needs a mask, and channels of a kind that is known", () => {
    const of = (inChannels: number): Sdxl => ({
      ...sdxl,
      unet: { ...sdxl.unet, config: { ...sdxl.unet.config, inChannels } },
    })
    const start = { image: picture(3), mask: mask(() => 0) }
    expect(() => checkChannels(of(4), {})).not.toThrow()
    expect(() => checkChannels(of(9), { start })).not.toThrow()
    for (const without of [{}, { start: null }, { start: { image: picture(3) } }]) {
      expect(() => checkChannels(of(9), without)).toThrow(expect.objectContaining({ code: "option-missing" }))
    }
    expect(() => checkChannels(of(8), { start })).toThrow("the U-Net reads 8 channels, expected 4, or 9 for inpainting")
  })
})
