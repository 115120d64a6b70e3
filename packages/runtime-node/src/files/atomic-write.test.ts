import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
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

it("writes pieces one after another, in folders that it makes", async () => {
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

it("keeps the old file and leaves no other when the contents fail", async () => {
  const path = join(folder, "file")
  await writeFile(path, "old")
  await expect(writeAtomically(path, failing())).rejects.toThrow("the model broke")
  expect(await readFile(path, "utf8")).toBe("old")
  expect(await readdir(folder)).toEqual(["file"])
})

it("leaves no files when the path is a folder", async () => {
  await expect(writeAtomically(folder, "text")).rejects.toThrow(/cannot write/)
  await writeFile(join(folder, "file"), "")
  await expect(writeAtomically(join(folder, "file", "inner"), "text")).rejects.toThrow(/cannot write .*inner/)
  expect(await readdir(folder)).toEqual(["file"])
})

describe("without overwrite", () => {
  it("refuses a name that exists before it makes the contents, and keeps the file", async () => {
    const path = join(folder, "file")
    await writeFile(path, "old")
    let asked = false
    async function* contents(): AsyncGenerator<Uint8Array> {
      asked = true
      yield bytes(1)
    }
    await expect(writeAtomically(path, contents(), { overwrite: false })).rejects.toThrow(/it exists already/)
    expect(asked).toBe(false)
    expect(await readFile(path, "utf8")).toBe("old")
    expect(await readdir(folder)).toEqual(["file"])
  })

  it("refuses a name that appears while the contents are made", async () => {
    const path = join(folder, "file")
    async function* contents(): AsyncGenerator<Uint8Array> {
      await writeFile(path, "another program's")
      yield bytes(1)
    }
    await expect(writeAtomically(path, contents(), { overwrite: false })).rejects.toThrow(/it exists already/)
    expect(await readFile(path, "utf8")).toBe("another program's")
    expect(await readdir(folder)).toEqual(["file"])
  })

  it("writes a new file, under a name of any length", async () => {
    const name = "β".repeat(127)
    await writeAtomically(join(folder, name), "text", { overwrite: false })
    expect(await readdir(folder)).toEqual([name])
  })
})

it("removes the temporary files of processes that have ended, and no others", async () => {
  // The file of a killed process: the name of a write that is running, with a process number that no machine uses.
  let seen = ""
  async function* contents(): AsyncGenerator<Uint8Array> {
    seen = (await readdir(folder))[0] ?? ""
    yield bytes(1)
  }
  await writeAtomically(join(folder, "file"), contents())
  const abandoned = seen.replace(/-\d+-/, "-99999999-")
  expect(abandoned).not.toBe(seen)
  const otherMachine = abandoned.replace(/\.[0-9a-f]{8}-/, ".00000000-")
  for (const name of [seen, abandoned, otherMachine, ".file.tmp"]) await writeFile(join(folder, name), "")
  await writeAtomically(join(folder, "file"), "text")
  expect((await readdir(folder)).sort()).toEqual([seen, otherMachine, ".file.tmp", "file"].sort())
})
