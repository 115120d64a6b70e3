import type { RgbImage } from "@lllite/core/image"
import {
  CONTROL_MEASURES,
  canny,
  chooseMeasure,
  greyToRgb,
  meanFollowing,
  type RealPair,
  rgbToGrey,
} from "@lllite/core/image"
import { heldOutDrawing } from "@lllite/tiny"
import { describe, expect, it } from "vitest"

const pictures = [0, 1, 2, 3].map((index) => heldOutDrawing(index).image)
const withControl = (control: (image: RgbImage) => RgbImage): readonly RealPair[] =>
  pictures.map((image) => ({ image, control: control(image) }))

/** Each pixel is the mean of its neighbours, as a tile's or a depth map's. */
function blurred(image: RgbImage): RgbImage {
  const { width, height, data } = image
  const result = new Uint8Array(data.length)
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)]
    let [sum, count] = [0, 0]
    for (let dy = -3; dy <= 3; dy++) {
      for (let dx = -3; dx <= 3; dx++) {
        const [column, row] = [x + dx, y + dy]
        if (column < 0 || row < 0 || column >= width || row >= height) continue
        sum += data[3 * (row * width + column) + (i % 3)] ?? 0
        count += 1
      }
    }
    result[i] = sum / count
  }
  return { width, height, data: result }
}

/** Shapes of one brightness on black, which says nothing about the brightness of the picture. */
const areas = (image: RgbImage): RgbImage => {
  const grey = rgbToGrey(image)
  return greyToRgb({ ...grey, data: grey.data.map((value) => (value > 245 ? 0 : 120)) })
}
const edges = (image: RgbImage): RgbImage => greyToRgb(canny(rgbToGrey(image), { low: 100, high: 200 }))
const inverted = ({ data, ...size }: RgbImage): RgbImage => ({ ...size, data: data.map((value) => 255 - value) })

describe("the measure of following", () => {
  it.each([
    ["edges", "edges", edges],
    ["dark lines on a bright ground", "edges", (image: RgbImage) => inverted(edges(image))],
    ["a blurred picture", "brightness", blurred],
  ] as const)("for %s is %s", (_, name, control) => {
    const pairs = withControl(control)
    const chosen = chooseMeasure(pairs)
    expect(chosen.name).toBe(name)
    expect(chosen.real).toBeGreaterThan(0.8)
    expect(chosen.chance).toBeLessThan(0.4)
    expect(meanFollowing(chosen.name, pairs)).toBe(chosen.real)
  })

  it("for areas tells pictures apart, whatever their brightness", () => {
    const { real, chance } = chooseMeasure(withControl(areas))
    expect(real - chance).toBeGreaterThan(0.4)
  })

  it("takes one pair, and controls that show nothing", () => {
    const [pair] = withControl(edges)
    expect(chooseMeasure(pair === undefined ? [] : [pair]).name).toBe("edges")
    const black = withControl((image) => ({ ...image, data: new Uint8Array(image.data.length) }))
    const { real, chance } = chooseMeasure(black)
    expect([real, chance].every(Number.isFinite)).toBe(true)
    for (const measure of Object.values(CONTROL_MEASURES)) {
      const score = measure(pictures[0] as RgbImage, pictures[0] as RgbImage)
      expect(score).toBeLessThanOrEqual(1 + 1e-6)
    }
  })
})
