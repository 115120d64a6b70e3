import { expect, it } from "vitest"
import { expectPictures } from "./expect-pictures.ts"

const picture = { width: 1, height: 1, data: new Uint8Array(3) }

it("takes a picture, and a list of pictures", () => {
  expect(() => expectPictures(picture, "a control image")).not.toThrow()
  expect(() =>
    expectPictures([picture, { ...picture, data: new Uint8ClampedArray(3) }], "a control image"),
  ).not.toThrow()
})

it.each([
  [Promise.resolve(picture), "a promise that was not awaited"],
  ["edges.png", 'the address or path "edges.png"'],
  [new URL("http://a/b.png"), 'the address or path "http://a/b.png"'],
  [undefined, "undefined"],
  [null, "null"],
  [{ data: picture.data }, "an object without width and height"],
  [{ ...picture, data: undefined }, "an object without data"],
  [[picture, 3], "3"],
])("says what came instead of a picture: %o", (given, came) => {
  expect(() => expectPictures(given, "a control image")).toThrow(
    `generate: a control image is ${came}, expected { width, height, data }, as readImage gives it.`,
  )
})
