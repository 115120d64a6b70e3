import { expect, it } from "vitest"
import { captionOfFile, datasetOf, drawPairs, splitPairs } from "./pairs.ts"

it.each([
  ["a-red_star (2).png", "a red star"],
  ["set/a small blue ring.jpeg", "a small blue ring"],
  ["heart 12.webp", "heart"],
  ["noextension", "noextension"],
])("takes %j for %j", (name, caption) => {
  expect(captionOfFile(name)).toBe(caption)
})

it("gives training the pictures with their own edges and words", async () => {
  const pairs = drawPairs(2, "canny")
  const example = await datasetOf(pairs).example(1)
  expect(example).toMatchObject({ name: "drawing 2", caption: pairs[1]?.caption, size: { original: [128, 128] } })
  expect(example.caption).toMatch(/^a /)
  expect(new Set(example.control.data)).toEqual(new Set([0, 255]))
})

it("draws on from an index", () => {
  const [, second] = drawPairs(2, "canny")
  expect(drawPairs(1, "canny", 1)).toEqual([second])
})

it("holds out drawings for controls that are made here, and the last pairs for controls from files", () => {
  const made = drawPairs(10, "canny")
  const own = made.map((pair) => ({ ...pair, isMade: false }))
  expect(splitPairs(made, "canny")).toMatchObject({ trained: made, isOwn: false })
  expect(splitPairs(made, "canny").heldOut).toHaveLength(3)
  expect(splitPairs(own, "canny")).toEqual({ trained: own.slice(0, 7), heldOut: own.slice(7), isOwn: true })
  expect(splitPairs(own.slice(0, 3), "canny")).toEqual({ trained: own.slice(0, 3), heldOut: [own[2]], isOwn: true })
  const mixed = [...own, ...drawPairs(2, "canny", 20)]
  expect(splitPairs(mixed, "canny").heldOut).toEqual(own.slice(7))
  expect(splitPairs(mixed, "canny").trained).toHaveLength(9)
})
