import { expect, it } from "vitest"
import { cropCentre } from "./crop.ts"

const image = { width: 4, height: 3, data: Uint8Array.from({ length: 36 }, (_, i) => Math.floor(i / 3)) }

it("takes the middle, the odd pixel at the end", () => {
  const cropped = cropCentre(image, 1, 2)
  expect(cropped).toMatchObject({ width: 1, height: 2 })
  expect([...cropped.data]).toEqual([1, 1, 1, 5, 5, 5])
})

it("gives the picture itself when nothing is cut", () => {
  expect(cropCentre(image, 4, 3)).toBe(image)
})

it("refuses to crop what is too small", () => {
  expect(() => cropCentre(image, 5, 3)).toThrow(/5 x 3 does not fit into 4 x 3/)
})
