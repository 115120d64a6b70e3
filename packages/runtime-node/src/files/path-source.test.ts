import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { openPath, withPath } from "./path-source.ts"

let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-source-"))
  await writeFile(
    join(folder, "ten"),
    Uint8Array.from({ length: 10 }, (_, i) => i),
  )
})
afterAll(() => rm(folder, { recursive: true }))

it("reads any range of a file", async () => {
  await withPath(join(folder, "ten"), async (source) => {
    expect(source.size).toBe(10)
    expect([...(await source.read(3, 6))]).toEqual([3, 4, 5])
    expect([...(await source.read(0, 10))]).toHaveLength(10)
    expect([...(await source.read(4, 4))]).toEqual([])
    const target = new Uint8Array(4)
    expect(await source.readInto?.(target, 5)).toBe(4)
    expect([...target]).toEqual([5, 6, 7, 8])
    expect(await source.readInto?.(target, 8)).toBe(2)
  })
})

it("returns the bytes that exist when the file ends early", async () => {
  const source = await openPath(join(folder, "ten"))
  expect([...(await source.read(8, 12))]).toEqual([8, 9])
  await source.close()
})

it("reads large ranges in pieces, and returns the bytes that exist", async () => {
  const bytes = Uint8Array.from({ length: 5 * 2 ** 20 + 3 }, (_, i) => i % 251)
  await writeFile(join(folder, "large"), bytes)
  await withPath(join(folder, "large"), async (source) => {
    const same = (read: Uint8Array, start: number): boolean =>
      Buffer.compare(read, bytes.subarray(start, start + read.byteLength)) === 0
    for (const [start, end, length] of [
      [0, bytes.length, bytes.length],
      [7, 2 ** 20 + 7, 2 ** 20],
      [2 ** 20, bytes.length + 9, bytes.length - 2 ** 20],
      // Only the first piece lies before the end.
      [bytes.length - 100, bytes.length + 8 * 2 ** 20, 100],
    ] as const) {
      const read = await source.read(start, end)
      expect(read.byteLength).toBe(length)
      expect(same(read, start)).toBe(true)
    }
  })
})

it("says which file is missing", async () => {
  const path = join(folder, "none.safetensors")
  await expect(openPath(path)).rejects.toThrow(`cannot read "${path}": there is no such file`)
})

it("refuses a folder", async () => {
  await expect(openPath(folder)).rejects.toThrow(/it is a folder, expected a file/)
})

it("closes the file when its use fails", async () => {
  let read: (() => Promise<Uint8Array>) | undefined
  const failing = withPath(join(folder, "ten"), async (source) => {
    read = () => source.read(0, 1)
    throw new Error("mine")
  })
  await expect(failing).rejects.toThrow("mine")
  await expect(read?.()).rejects.toThrow()
})

it("refuses reads after an abort, with the signal's reason", async () => {
  const controller = new AbortController()
  const read = withPath(
    join(folder, "ten"),
    async (source) => {
      expect(await source.read(0, 2)).toHaveLength(2)
      controller.abort(new Error("enough"))
      return source.read(2, 4)
    },
    { signal: controller.signal },
  )
  await expect(read).rejects.toThrow("enough")
})
