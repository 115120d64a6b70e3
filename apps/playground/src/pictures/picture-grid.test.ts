import { expect, it } from "vitest"
import { PageError, sentence } from "../language/sentence.ts"
import { pictureGrid } from "./picture-grid.ts"

const grey = (level: number) => ({ width: 2, height: 1, data: new Uint8Array(6).fill(level) })

it("puts pictures into rows, with white between them and in empty places", () => {
  const { width, height, data } = pictureGrid([
    [grey(1), grey(2)],
    [null, grey(3)],
  ])
  expect([width, height, data.length]).toEqual([16, 14, 3 * 16 * 14])
  const levelAt = (x: number, y: number): number | undefined => data[3 * (y * width + x)]
  expect([levelAt(4, 4), levelAt(5, 4), levelAt(10, 4), levelAt(10, 9)]).toEqual([1, 1, 2, 3])
  expect([levelAt(3, 4), levelAt(6, 4), levelAt(4, 9), levelAt(4, 5)]).toEqual([255, 255, 255, 255])
})

it("refuses a grid without a picture", () => {
  expect(() => pictureGrid([[null]])).toThrow(new PageError(sentence("draw", "gridEmpty")))
})
