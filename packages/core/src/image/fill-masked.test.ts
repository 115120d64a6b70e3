import { expect, it } from "vitest"
import type { GreyImage, RgbImage } from "../image.ts"
import { fillMasked } from "./fill-masked.ts"

const SIZE = { width: 6, height: 5 }
const picture: RgbImage = {
  ...SIZE,
  data: Uint8Array.from({ length: 90 }, (_, i) => {
    const [channel, pixel] = [i % 3, Math.floor(i / 3)]
    return (37 * (pixel % 6) + 59 * Math.floor(pixel / 6) + 101 * channel) % 256
  }),
}
const mask = (value: (x: number, y: number) => number): GreyImage => ({
  ...SIZE,
  data: Uint8Array.from({ length: 30 }, (_, i) => value(i % 6, Math.floor(i / 6))),
})

it("fills what is masked with the colours around it, as stable-diffusion-webui does", () => {
  const filled = fillMasked(
    picture,
    mask((x, y) => (x >= 2 && x <= 4 && y >= 1 && y <= 3 ? 255 : x === 1 ? 128 : 0)),
  )
  // `fill` of stable-diffusion-webui 1.10's masking.py, with Pillow 13.0.
  expect([...filled.data]).toEqual([
    0, 101, 202, 61, 141, 172, 74, 175, 20, 111, 212, 57, 148, 249, 94, 185, 30, 131, 59, 160, 5, 96, 166, 75, 105, 141,
    106, 119, 140, 109, 132, 136, 116, 244, 89, 190, 118, 219, 64, 132, 66, 104, 114, 135, 104, 121, 137, 106, 129, 135,
    112, 47, 148, 249, 177, 22, 123, 169, 91, 133, 121, 131, 103, 121, 134, 102, 125, 133, 105, 106, 207, 52, 236, 81,
    182, 75, 119, 164, 54, 155, 0, 91, 192, 37, 128, 229, 74, 165, 10, 111,
  ])
})

it("keeps a picture without masked pixels, and is black where all are masked", () => {
  expect(
    fillMasked(
      picture,
      mask(() => 0),
    ).data,
  ).toEqual(picture.data)
  expect(
    fillMasked(
      picture,
      mask(() => 255),
    ).data.every((value) => value === 0),
  ).toBe(true)
})

it("refuses a mask of another size", () => {
  const other = { width: 2, height: 1, data: Uint8Array.of(0, 0) }
  expect(() => fillMasked(picture, other)).toThrow("the mask is 2×1 px, expected 6×5 as the picture")
})
