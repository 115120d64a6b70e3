import { describe, expect, it } from "vitest"
import type { GreyImage } from "../image.ts"
import { canny } from "./canny.ts"

const rows = ({ width, data }: GreyImage): readonly string[] => {
  const line = Array.from(data, (value) => (value === 255 ? "1" : "0")).join("")
  return Array.from({ length: data.length / width }, (_, y) => line.slice(y * width, (y + 1) * width))
}

const NOISE = [
  "5e6e946950989041ab7b60b8697b8a5f6a6a467e8c76cc869ad26374946a6c7281897393",
  "867b9d8165997f5dae616eb859707a5b535b4667846bbc858dbf6b6c8d67648b7a789697",
  "a6a49f8e98936389925578915b6f696058715f689771a48a89a6777f8e657492736f9597",
  "80bd976fc1835db26d7e8f667c826e727f9e7a8da374888d808c8f838c87767b80697384",
  "8095b081a49383bc77a4a4839f6c949074927c92816a769c766baa6f6aa1647079617e5e",
  "ae63a5a67b85a0b76da7b08db2678cb66b668d946f6a98946b74957c5391846d76878161",
  "b57a7a9d8167839e7278a17a9c6d51bf715499b27868b568616e5e894c73986b79928075",
  "9a97798f806e776d78706c5ba34f41ae5f687eab8d58ac76566e68885580976686897e7b",
  "93988191827a7e6a7280614eaf475098537663989f4aa8a056808a925d84a35e8498757c",
].join("")

/** Blurred noise, 12 x 9 RGB. */
const noise = { width: 12, height: 9, data: Uint8Array.from(Buffer.from(NOISE, "hex")) }

describe("canny", () => {
  it("takes the channel with the largest gradient, as cv2.Canny(image, 60.5, 140, L2gradient=True)", () => {
    expect(rows(canny(noise, { low: 60.5, high: 140, l2: true }))).toEqual([
      "000010100100",
      "010110110101",
      "111100110010",
      "000010001101",
      "111101000011",
      "110100101001",
      "100100101000",
      "000100101000",
      "010101001000",
    ])
  })

  it("finds the edges of one channel, as cv2.Canny(green, 60.5, 140)", () => {
    const green = { ...noise, data: noise.data.filter((_, i) => i % 3 === 1) }
    expect(rows(canny(green, { low: 60.5, high: 140 }))).toEqual([
      "100100100100",
      "010000110001",
      "111001110000",
      "000100100110",
      "110100001010",
      "010100010010",
      "000100101010",
      "100101001011",
      "010101001000",
    ])
  })

  it("takes the thresholds in either order", () => {
    expect(canny(noise, { low: 140, high: 60 })).toEqual(canny(noise, { low: 60, high: 140 }))
  })

  it("finds nothing in a flat picture, nor in a single pixel", () => {
    const flat = { width: 5, height: 4, data: new Uint8Array(20).fill(77) }
    expect(canny(flat, { low: 0, high: 0 }).data).toEqual(new Uint8Array(20))
    expect(canny({ width: 1, height: 1, data: Uint8Array.of(200) }).data).toEqual(new Uint8Array(1))
  })

  it("marks a step between two greys one pixel wide", () => {
    const step = { width: 6, height: 3, data: Uint8Array.from({ length: 18 }, (_, i) => (i % 6 < 3 ? 0 : 255)) }
    expect(rows(canny(step))).toEqual(["001000", "001000", "001000"])
  })

  it("keeps a weak edge only where it meets a strong one", () => {
    // A step of 35 (gradient 140) that grows to 80 (gradient 320) in the last columns, and one that does not.
    const half = (x: number, strong: boolean): number => (strong && x > 5 ? 80 : 35)
    const picture = (strong: boolean): GreyImage => ({
      width: 9,
      height: 4,
      data: Uint8Array.from({ length: 36 }, (_, i) => (i < 18 ? 0 : half(i % 9, strong))),
    })
    expect(canny(picture(false)).data.some((value) => value !== 0)).toBe(false)
    const joined = rows(canny(picture(true)))
    expect(joined.some((row) => row.startsWith("11111"))).toBe(true)
  })

  it("refuses thresholds below 0 and data of another size", () => {
    expect(() => canny(noise, { low: -1 })).toThrow(/low must be 0 or more/)
    expect(() => canny(noise, { high: Number.NaN })).toThrow(/high/)
    expect(() => canny({ width: 3, height: 3, data: new Uint8Array(10) })).toThrow(/3 x 3/)
  })
})
