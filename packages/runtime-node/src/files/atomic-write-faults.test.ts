import { type FileHandle, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { writeAtomically } from "./atomic-write.ts"

let folder = ""
let handles: FileHandle
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-faults-"))
  await writeFile(join(folder, "file"), "old")
  const handle = await open(join(folder, "file"))
  handles = Object.getPrototypeOf(handle)
  await handle.close()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

const PIECES = [1, 2, 3].map((value) => Uint8Array.of(value, value))

/* A disk that fails in the middle of a file. The calls are those of every handle, as the system would answer them. */
describe.each([
  ["EIO", "the disk reported an error"],
  ["ENOSPC", "the disk is full"],
  ["EDQUOT", "your share of the disk is used up"],
])("a disk that answers %s", (code, reason) => {
  const fault = (): Error => Object.assign(new Error(`${code}: raw words, write`), { code })

  it.each([
    ["write", 1],
    ["write", 3],
    ["sync", 1],
  ] as const)("at call %s %d leaves the old file and no other, and names the reason", async (call, number) => {
    const original = handles[call] as (...values: unknown[]) => Promise<unknown>
    let calls = 0
    vi.spyOn(handles, call).mockImplementation(function (this: FileHandle, ...values: unknown[]) {
      calls += 1
      return (calls === number ? Promise.reject(fault()) : original.apply(this, values)) as never
    })
    const writing = writeAtomically(join(folder, "file"), PIECES)
    await expect(writing).rejects.toThrow(reason)
    await expect(writing).rejects.not.toThrow("raw words")
    expect(calls).toBeGreaterThanOrEqual(number)
    expect(await readFile(join(folder, "file"), "utf8")).toBe("old")
    expect(await readdir(folder)).toEqual(["file"])
    // With room, the next file is written.
    vi.restoreAllMocks()
    await writeAtomically(join(folder, "file"), PIECES)
    expect([...(await readFile(join(folder, "file")))]).toEqual([1, 1, 2, 2, 3, 3])
  })

  it("writes the rest of a piece of which the disk took a part", async () => {
    const original = handles.write as (...values: unknown[]) => Promise<unknown>
    vi.spyOn(handles, "write").mockImplementation(function (this: FileHandle, ...values: unknown[]) {
      const [bytes, from] = values
      return original.call(this, bytes, from, 1) as never
    })
    await writeAtomically(join(folder, "file"), PIECES)
    expect([...(await readFile(join(folder, "file")))]).toEqual([1, 1, 2, 2, 3, 3])
  })
})
