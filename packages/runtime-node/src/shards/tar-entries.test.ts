import { mkdtemp, open, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { tarOf } from "../../test/write-tar.ts"
import { createShardFiles } from "./shard-files.ts"
import { shardPaths } from "./shard-paths.ts"
import { type TarEntry, tarEntries } from "./tar-entries.ts"

let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-tar-"))
})
afterAll(() => rm(folder, { recursive: true }))

async function entriesOf(bytes: Uint8Array): Promise<readonly TarEntry[]> {
  const path = join(folder, "a.tar")
  await writeFile(path, bytes)
  const handle = await open(path)
  const entries: TarEntry[] = []
  try {
    for await (const entry of tarEntries(handle, bytes.length, path)) entries.push(entry)
  } finally {
    await handle.close()
  }
  return entries
}

/** Sets a checksum that fits the header at a byte. */
function summed(tar: Buffer, at = 0): Buffer {
  tar.write("        ", at + 148)
  const sum = tar.subarray(at, at + 512).reduce((total, byte) => total + byte, 0)
  tar.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148)
  return tar
}

describe("the entries of a tar archive", () => {
  it("are its regular files, with the places of their bytes", async () => {
    const tar = tarOf({ "a.txt": "one", "b/c.png": new Uint8Array(700), "d.txt": "" })
    const entries = await entriesOf(tar)
    expect(entries).toEqual([
      { name: "a.txt", offset: 512, size: 3 },
      { name: "b/c.png", offset: 1536, size: 700 },
      { name: "d.txt", offset: 3072, size: 0 },
    ])
    const folder = tarOf({ "a.txt": "", "b.txt": "x" })
    folder.write("5", 156)
    expect((await entriesOf(summed(folder))).map(({ name }) => name)).toEqual(["b.txt"])
  })

  it("have long names and sizes from pax and GNU headers, and sizes in base 256", async () => {
    const long = `${"n".repeat(150)}.jpg`
    const record = ` path=${long}\n`
    const records = `${record.length + 3}${record}`
    expect((await entriesOf(tarOf({ short: "x" }, { short: records }))).map(({ name }) => name)).toEqual([long])
    const gnu = tarOf({ "././@LongLink": `${long}\0`, short: "x" })
    gnu.write("L", 156)
    expect((await entriesOf(summed(gnu))).map(({ name }) => name)).toEqual([long])
    const wide = tarOf({ a: "123" })
    wide.fill(0, 124, 136)
    wide[124] = 0x80
    wide[135] = 3
    expect((await entriesOf(summed(wide)))[0]?.size).toBe(3)
  })

  it("are refused when the bytes are none, are compressed or break off", async () => {
    const tar = tarOf({ "a.txt": "one", "b.txt": new Uint8Array(5000) })
    await expect(entriesOf(tar.subarray(0, 3000))).rejects.toThrow("breaks off: its entry at byte 1024 has 5000 bytes")
    await expect(entriesOf(Buffer.alloc(600, 7))).rejects.toThrow("is not a tar archive")
    const packed = Buffer.alloc(600, 7)
    packed.set([0x1f, 0x8b])
    await expect(entriesOf(packed)).rejects.toThrow("is compressed")
    const huge = tarOf({ a: "" })
    huge.fill(0xff, 124, 136)
    await expect(entriesOf(summed(huge))).rejects.toMatchObject({ code: "shard" })
    const extra = tarOf({ a: "", b: "" })
    extra.write("x", 156)
    extra.write("77777777777\0", 124)
    await expect(entriesOf(summed(extra))).rejects.toThrow("breaks off")
    expect(await entriesOf(new Uint8Array(0))).toEqual([])
  })
})

describe("the pieces of many archives", () => {
  it("are read by more archives than stay open, several at once, and end with an error where a file ends", async () => {
    const files = createShardFiles()
    const paths = Array.from({ length: 40 }, (_, i) => join(folder, `piece-${i}`))
    for (const [i, path] of paths.entries()) await writeFile(path, `${"x".repeat(i)}END`)
    for (let round = 0; round < 2; round++) {
      const read = await Promise.all(paths.map((path, i) => files.read(path, i, 3)))
      expect(read.every((bytes) => bytes.toString() === "END")).toBe(true)
    }
    await expect(files.read(paths[0] ?? "", 1, 3)).rejects.toMatchObject({ code: "shard" })
    await expect(files.read(join(folder, "none"), 0, 1)).rejects.toMatchObject({ code: "file" })
    expect((await files.read(paths[0] ?? "", 0, 3)).toString()).toBe("END")
    await files.close()
  })
})

describe("a pattern of shards", () => {
  it("has ranges of numbers, and letters that stand for any", async () => {
    expect(await shardPaths("d/t-{008..011}.tar")).toEqual(["d/t-008.tar", "d/t-009.tar", "d/t-010.tar", "d/t-011.tar"])
    expect(await shardPaths("{0..1}/{0..1}")).toEqual(["0/0", "0/1", "1/0", "1/1"])
    for (const name of ["x-2.tar", "x-10.tar", "x.tar", ".x-3.tar"]) await writeFile(join(folder, name), "")
    expect(await shardPaths(join(folder, "x-*.tar"))).toEqual([join(folder, "x-10.tar"), join(folder, "x-2.tar")])
    expect(await shardPaths(join(folder, "x-?.tar"))).toEqual([join(folder, "x-2.tar")])
  })

  it("is refused when it names nothing", async () => {
    await expect(shardPaths(join(folder, "y*.tar"))).rejects.toMatchObject({ code: "shard" })
    await expect(shardPaths(join(folder, "none/*.tar"))).rejects.toMatchObject({ code: "file" })
    await expect(shardPaths("{9..1}.tar")).rejects.toThrow("is not a range of at most")
    await expect(shardPaths("{0..9999}/{0..9999}.tar")).rejects.toThrow(
      'the ranges of "{0..9999}/{0..9999}.tar" make 100000000 paths, expected at most 1000000',
    )
  })
})
