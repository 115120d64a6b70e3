import { expect, it } from "vitest"
import { inEnglish } from "../../test/words.ts"
import { changeNotices, changesOf } from "./picture-changes.ts"

const alphas = (...values: readonly number[]): Uint8ClampedArray =>
  Uint8ClampedArray.from(values.flatMap((alpha) => [9, 9, 9, alpha]))

it.each([
  [2, 2, [255, 255, 255, 255], []],
  [4, 1, [255, 255, 255, 255], ["cropped"]],
  [1, 4, [255, 255, 255, 255], ["cropped"]],
  [2, 2, [255, 128, 255, 255], ["transparent"]],
  [2, 2, [0, 0, 0, 0], ["invisible"]],
  [4, 1, [0, 255, 0, 0], ["cropped", "transparent"]],
] as const)(
  "finds what a square of a picture of %d × %d with alphas %j does not show: %j",
  (width, height, alpha, changes) => {
    expect(changesOf(width, height, alphas(...alpha))).toEqual(changes)
  },
)

it("passes over a picture that is nearly square", () => {
  expect(changesOf(99, 100, alphas(...Array<number>(9900).fill(255)))).toEqual([])
})

it("says each change once, with a count and the first name", () => {
  const pictures = [
    { name: "a.png", changes: ["cropped"] },
    { name: "b.png", changes: [] },
    { name: "c.png", changes: ["cropped", "transparent"] },
  ] as const
  expect(inEnglish(changeNotices([{ name: "d.jpg", changes: ["turned", "stretched"] }]))).toEqual([
    '"d.jpg" has an EXIF orientation, and is turned as viewers show it.',
    '"d.jpg" has another shape than its picture. It is stretched onto the picture.',
  ])
  const [cropped, transparent, ...more] = inEnglish(changeNotices(pictures))
  expect(cropped).toBe('2 pictures are not square. Only the middle is used. The first is "a.png".')
  expect(transparent).toBe('"c.png" has transparent pixels. They become white.')
  expect(more).toEqual([])
})
