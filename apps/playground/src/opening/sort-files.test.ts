import { expect, it } from "vitest"
import { sortFiles } from "./sort-files.ts"

const sorted = (...paths: readonly string[]): Readonly<Record<string, readonly string[]>> => {
  const files = paths.map((path) => ({ path, file: new File([], path) }))
  return Object.fromEntries(
    Object.entries(sortFiles(files)).flatMap(([kind, found]: [string, typeof files]) =>
      found.length === 0 ? [] : [[kind, found.map(({ path }) => path)]],
    ),
  )
}

it.each([
  [["a.png"], { pictures: ["a.png"] }],
  [["scan.PDF"], { pictures: ["scan.PDF"] }],
  [["a.png", "b.jpg"], { pairs: ["a.png", "b.jpg"] }],
  [["a.png", "a.txt"], { pairs: ["a.png", "a.txt"] }],
  [["set/a.png", "set/notes.md"], { pairs: ["set/a.png", "set/notes.md"] }],
  [["x.safetensors", "a.png"], { models: ["x.safetensors"], pictures: ["a.png"] }],
  [["old.ckpt"], { models: ["old.ckpt"] }],
  [["a.txt", "b.zip"], { others: ["a.txt", "b.zip"] }],
] as const)("sorts %j", (paths, expected) => {
  expect(sorted(...paths)).toEqual(expected)
})

it("leaves to the pairs all but weights of what is dropped on them", () => {
  const files = ["a.png", "b.zip", "x.safetensors"].map((path) => ({ path, file: new File([], path) }))
  const { pairs, models, pictures, others } = sortFiles(files, true)
  expect(pairs.map(({ path }) => path)).toEqual(["a.png", "b.zip"])
  expect(models.map(({ path }) => path)).toEqual(["x.safetensors"])
  expect([...pictures, ...others]).toEqual([])
})

it("knows a pasted picture by its type", () => {
  const file = new File([], "image", { type: "image/png" })
  expect(sortFiles([{ path: "image", file }]).pictures).toHaveLength(1)
})
