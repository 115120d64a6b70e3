import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { listPictures } from "./list-pictures.ts"

let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-list-"))
  const files = [
    "b.png",
    "a.jpg",
    "10.PNG",
    "9.webp",
    ".hidden.png",
    "notes.txt",
    "x[1].png",
    "sub/c.png",
    "sub/deep/d.png",
  ]
  for (const name of files) {
    await mkdir(join(folder, name, ".."), { recursive: true })
    await writeFile(join(folder, name), "")
  }
  await mkdir(join(folder, "empty"))
  await symlink(folder, join(folder, "sub", "loop"))
})
afterAll(() => rm(folder, { recursive: true }))

const list = async (...paths: readonly string[]): Promise<readonly string[]> =>
  (await listPictures(paths.map((path) => join(folder, path)))).map((path) =>
    relative(folder, path).replaceAll("\\", "/"),
  )

describe("listPictures", () => {
  it.each([
    ["a file, in the order of the paths", ["b.png", "a.jpg", "b.png"], ["b.png", "a.jpg", "b.png"]],
    ["a folder, by name", ["."], ["10.PNG", "9.webp", "a.jpg", "b.png", "x[1].png"]],
    ["a star", ["*.png"], ["b.png", "x[1].png"]],
    ["a question mark", ["?.jpg", "?.png"], ["a.jpg", "b.png"]],
    ["a class", ["[a-c].*"], ["a.jpg", "b.png"]],
    ["the others of a class", ["[!a-c].*"], ["9.webp"]],
    ["a hidden name by its dot", [".h*.png"], [".hidden.png"]],
    ["any folders, without following links", ["**/*.png"], ["b.png", "sub/c.png", "sub/deep/d.png", "x[1].png"]],
    ["a folder between", ["s*/c.png"], ["sub/c.png"]],
    ["a path that is there, though it looks like a pattern", ["x[1].png"], ["x[1].png"]],
    ["any folders at the end", ["sub/**"], ["sub/c.png", "sub/deep/d.png"]],
  ])("lists %s", async (_, paths, expected) => {
    expect(await list(...paths)).toEqual(expected)
  })

  it("says which pictures of a folder are passed over", async () => {
    const notices: string[] = []
    await mkdir(join(folder, "mixed"))
    for (const name of ["a.png", "b.bmp", "c.tiff"]) await writeFile(join(folder, "mixed", name), "")
    expect(await listPictures([join(folder, "mixed")], (notice) => notices.push(notice))).toHaveLength(1)
    expect(notices).toEqual([
      expect.stringMatching(
        /^2 pictures have a format that is not read, and are passed over\. Save them as PNG\. The first is ".*b\.bmp"\.$/,
      ),
    ])
    await rm(join(folder, "mixed"), { recursive: true })
  })

  it.each([
    ["nowhere.png", /cannot read ".*nowhere\.png": there is no such file/],
    ["*.gif", /no picture matches ".*\*\.gif"/],
    ["[z-a].png", /no picture matches/],
    ["[", /no picture matches/],
    ["empty", /has no picture, expected files with the extension/],
    [`${"*a".repeat(60)}b`, /no picture matches/],
  ])("refuses %s", async (path, message) => {
    await expect(list(path)).rejects.toThrow(message)
  })
})
