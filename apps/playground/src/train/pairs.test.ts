import { expect, it } from "vitest"
import { captionOfFile, datasetOf, drawPairs } from "./pairs.ts"

it.each([
  ["a-red_star (2).png", "a red star"],
  ["a small blue ring.jpeg", "a small blue ring"],
  ["heart 12.webp", "heart"],
  ["noextension", "noextension"],
])("takes %j for %j", (name, caption) => {
  expect(captionOfFile(name)).toBe(caption)
})

it("gives training the pictures with their own edges and words", async () => {
  const pairs = drawPairs(2)
  const example = await datasetOf(pairs).example(1)
  expect(example).toMatchObject({ name: "drawing 2", caption: pairs[1]?.caption, size: { original: [128, 128] } })
  expect(example.caption).toMatch(/^a /)
  expect(new Set(example.control.data)).toEqual(new Set([0, 255]))
})
