import { expect, it } from "vitest"
import { cropCentre, cropImage, mirrorImage } from "./crop.ts"

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

it("takes a rectangle, of grey pictures too, and refuses one that sticks out", () => {
  expect([...cropImage(image, { left: 2, top: 1, width: 2, height: 1 }).data]).toEqual([6, 6, 6, 7, 7, 7])
  const grey = { width: 2, height: 2, data: Uint8Array.from([1, 2, 3, 4]) }
  expect([...cropImage(grey, { left: 1, top: 0, width: 1, height: 2 }).data]).toEqual([2, 4])
  for (const box of [
    { left: 3, top: 0 },
    { left: -1, top: 0 },
    { left: 0.5, top: 0 },
  ]) {
    expect(() => cropImage(image, { ...box, width: 2, height: 3 })).toThrow("is not inside of 4 x 3")
  }
})

it("mirrors from left to right, and twice gives the picture again", () => {
  const mirrored = mirrorImage(image)
  expect([...mirrored.data.filter((_, i) => i % 3 === 0)]).toEqual([3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8])
  expect(mirrorImage(mirrored)).toEqual(image)
  expect([...mirrorImage({ width: 2, height: 1, data: Uint8Array.from([1, 2]) }).data]).toEqual([2, 1])
})
