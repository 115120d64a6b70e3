import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, it } from "vitest"
import { readMetadataFile } from "./metadata-file.ts"

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-metadata-file-"))
})
afterEach(() => rm(folder, { recursive: true }))

const read = async (text: string, name = "meta.json") => {
  const path = join(folder, name)
  await writeFile(path, text)
  return readMetadataFile(path)
}

it("has captions and tags by key, whatever the key is", async () => {
  const { entries, problems, hasResolution } = await read(
    '\ufeff{"a": {"caption": "one", "tags": "x, y", "train_resolution": [1024, 768]}, "__proto__": {"tags": null}, "": {}}',
  )
  expect([...entries]).toEqual([
    ["a", { caption: "one", tags: "x, y" }],
    ["__proto__", { caption: "", tags: "" }],
    ["", { caption: "", tags: "" }],
  ])
  expect({ problems, hasResolution }).toEqual({ problems: [], hasResolution: true })
})

it("has a line for each picture in JSON lines", async () => {
  const lines = [
    '{"image_path": "a.png", "caption": "one", "image_size": [8, 8]}',
    "",
    '{"image_path": "/b.png", "tags": "x"}',
  ]
  const { entries, hasResolution } = await read(lines.join("\r\n"), "meta.JSONL")
  expect([...entries]).toEqual([
    ["a.png", { caption: "one", tags: "" }],
    ["/b.png", { caption: "", tags: "x" }],
  ])
  expect(hasResolution).toBe(false)
})

it("names every entry that cannot be used", async () => {
  const { entries, problems } = await read(
    '{"a": "a ring", "b": {"caption": 3}, "c": {"tags": ["x", "y"]}, "d\\n": null, "e": {"caption": "fine"}}',
  )
  const where = `the metadata file "${join(folder, "meta.json")}", entry`
  expect([...entries.values()]).toEqual([null, null, null, null, { caption: "fine", tags: "" }])
  expect(problems).toEqual([
    `${where} "a": it is "a ring", expected an object such as {"caption": "a red ring"}`,
    `${where} "b": caption is 3, expected a text`,
    `${where} "c": tags is ["x","y"], expected a text. Join the list by commas`,
    `${where} "d\\n": it is null, expected an object such as {"caption": "a red ring"}`,
  ])
})

it("names every line that cannot be used", async () => {
  const { entries, problems } = await read('{"image_path": "a"}\n{"caption": \n[]\n{}\n{"image_path": "a"}', "m.jsonl")
  expect([...entries]).toEqual([["a", { caption: "", tags: "" }]])
  expect(problems.map((text) => text.replace(/^.*", line/, "line").replace(/, expected.*/, ""))).toEqual([
    "line 2: it is not valid JSON",
    "line 3: it is []",
    "line 4: image_path is missing",
    'line 5: the picture "a" has an entry before',
  ])
})

it("refuses a file that has no entries or is something else", async () => {
  await expect(read("{}")).rejects.toThrow("has no entries, expected an object, such as")
  await expect(read("\n", "m.jsonl")).rejects.toThrow("has no entries, expected a line for each picture")
  await expect(read("[1]")).rejects.toThrow("is a list, expected an object, such as")
  await expect(read("3")).rejects.toThrow("is 3, expected an object")
  await expect(read('{"a": {"caption": "x",}}')).rejects.toThrow("is not valid JSON, line 1, column")
  await expect(read("")).rejects.toThrow("is not valid JSON")
  await expect(readMetadataFile(join(folder, "nowhere.json"))).rejects.toThrow("there is no such file")
  await expect(readMetadataFile(folder)).rejects.toThrow(folder)
})
