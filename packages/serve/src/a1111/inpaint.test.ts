import type { RgbImage } from "@lllite/core/image"
import { describe, expect, it } from "vitest"
import { cropBox, planInpainting } from "./inpaint.ts"

/** A picture whose pixels follow from their place. */
function imageOf(width: number, height: number, pixel: (x: number, y: number) => number): RgbImage {
  const data = new Uint8Array(3 * width * height)
  for (let i = 0; i < data.length; i++) {
    const place = Math.floor(i / 3)
    data[i] = pixel(place % width, Math.floor(place / width))
  }
  return { width, height, data }
}

const FIELDS = {
  ...{ width: 64, height: 64, resize_mode: 0, mask_blur: 0, mask_blur_x: 4, mask_round: true },
  ...{ inpaint_full_res: false, inpaint_full_res_padding: 0, inpainting_mask_invert: 0 },
}
const picture = imageOf(128, 64, (x, y) => (x + y) % 256)
/** White in a square of 16 pixels at 32, 16. */
const white = imageOf(128, 64, (x, y) => (x >= 32 && x < 48 && y >= 16 && y < 32 ? 255 : 0))
const grey = imageOf(64, 64, () => 200)

describe("inpainting as A1111 does it", () => {
  it("draws the whole picture at the asked size, and keeps what is not masked", () => {
    const { image, mask, finish } = planInpainting(picture, white, FIELDS)
    expect([image.width, image.height, mask?.width]).toEqual([64, 64, 64])
    const result = finish(grey)
    expect(result.data[3 * (24 * 64 + 20)]).toBe(200)
    expect(result.data[3 * (50 * 64 + 50)]).toBe(image.data[3 * (50 * 64 + 50)])
  })

  it("draws only what is masked, in its shape, and puts it back", () => {
    const { image, mask, finish } = planInpainting(picture, white, { ...FIELDS, inpaint_full_res: true })
    expect([image.width, image.height]).toEqual([64, 64])
    expect(mask?.data.every((value) => value === 255)).toBe(true)
    const result = finish(grey)
    expect([result.width, result.height]).toEqual([128, 64])
    expect(result.data[3 * (20 * 128 + 40)]).toBe(200)
    expect(result.data[3 * (20 * 128 + 60)]).toBe(picture.data[3 * (20 * 128 + 60)])
  })

  it("swaps both parts of an inverted mask, and blurs between them", () => {
    const inverted = planInpainting(picture, white, { ...FIELDS, inpainting_mask_invert: 1 }).finish(grey)
    expect(inverted.data[3 * (50 * 64 + 50)]).toBe(200)
    const soft = planInpainting(
      imageOf(64, 64, () => 0),
      imageOf(64, 64, (x) => (x < 32 ? 255 : 0)),
      {
        ...FIELDS,
        mask_blur: 4,
      },
    ).finish(grey)
    const edge = soft.data[3 * (32 * 64 + 32)] ?? 0
    expect(edge).toBeGreaterThan(60)
    expect(edge).toBeLessThan(140)
  })

  it("has no mask without one, and fits the picture by the mode", () => {
    const plan = planInpainting(picture, null, { ...FIELDS, resize_mode: 1 })
    expect(plan.mask).toBeNull()
    expect(plan.finish(grey)).toBe(grey)
    // The middle of the picture, and not all of it.
    expect(plan.image.data[0]).toBe(32)
  })

  it("widens the rectangle to the shape of what is drawn, inside of the picture", () => {
    const mask = { width: 100, height: 50, data: new Uint8Array(5000) }
    mask.data.fill(255, 0, 10)
    const box = cropBox(mask, { width: 64, height: 64, inpaint_full_res_padding: 4 })
    expect(box).toEqual({ left: 0, top: 0, width: 14, height: 14 })
    expect(cropBox({ ...mask, data: new Uint8Array(5000) }, { ...FIELDS, width: 64 })).toBeNull()
    const far = { ...mask, data: new Uint8Array(5000) }
    far.data.fill(255, 4995)
    expect(cropBox(far, { width: 64, height: 32, inpaint_full_res_padding: 0 })).toEqual({
      ...{ left: 95, top: 48, width: 5, height: 2 },
    })
  })
})
