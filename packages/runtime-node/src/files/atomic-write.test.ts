import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, it } from "vitest"
import { writeAtomically } from "./atomic-write.ts"

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-write-"))
})
afterEach(() => rm(folder, { recursive: true }))

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

async function* failing(): AsyncGenerator<Uint8Array> {
  yield bytes(1)
  throw new Error("the model broke")
}

it("writes pieces one after the other, in folders that it makes", async () => {
  const path = join(folder, "a", "b", "file")
  await writeAtomically(path, [bytes(1, 2), bytes(), bytes(3)])
  expect([...(await readFile(path))]).toEqual([1, 2, 3])
  expect(await readdir(join(folder, "a", "b"))).toEqual(["file"])
})

it("replaces a file", async () => {
  const path = join(folder, "file")
  await writeFile(path, "a longer text than the new one")
  await writeAtomically(path, "nové")
  expect(await readFile(path, "utf8")).toBe("nové")
})

it("leaves the old file and nothing else when the contents fail half way", async () => {
  const path = join(folder, "file")
  await writeFile(path, "old")
  await expect(writeAtomically(path, failing())).rejects.toThrow("the model broke")
  expect(await readFile(path, "utf8")).toBe("old")
  expect(await readdir(folder)).toEqual(["file"])
})

it("leaves nothing when the place is a folder", async () => {
  await expect(writeAtomically(folder, "text")).rejects.toThrow(/cannot write/)
  await writeFile(join(folder, "file"), "")
  await expect(writeAtomically(join(folder, "file", "inner"), "text")).rejects.toThrow(/cannot write .*inner/)
  expect(await readdir(folder)).toEqual(["file"])
})
