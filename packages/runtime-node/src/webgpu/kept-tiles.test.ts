import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { ProductTiles } from "@lllite/webgpu"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { tilesFor } from "./kept-tiles.ts"

const TILES: ProductTiles = {
  large: { tileM: 128, tileN: 64, tileK: 16, m: 8, n: 4 },
  small: { tileM: 32, tileN: 32, tileK: 32, m: 4, n: 4 },
  half: true,
}

describe("tiles that are kept", () => {
  let folder: string
  let tuned: number
  const tune = async (): Promise<ProductTiles> => {
    tuned += 1
    return TILES
  }
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "lllite-tiles-"))
    tuned = 0
  })
  afterEach(() => rm(folder, { recursive: true }))

  it("are tuned once for every adapter", async () => {
    const path = join(folder, "cache", "tiles.json")
    for (const adapter of ["one", "two", "one", "two"]) expect(await tilesFor(path, adapter, tune)).toEqual(TILES)
    expect(tuned).toBe(2)
    expect(Object.keys(JSON.parse(await readFile(path, "utf8")))).toEqual(["one", "two"])
  })

  it.each([
    ["no JSON", "{"],
    ["no object", "null"],
    ["of another release", JSON.stringify({ one: { ...TILES, small: { ...TILES.small, tileK: 12 } } })],
  ])("are tuned again where the file is %s", async (_, text) => {
    const path = join(folder, "tiles.json")
    await writeFile(path, text)
    expect(await tilesFor(path, "one", tune)).toEqual(TILES)
    expect(await tilesFor(path, "one", tune)).toEqual(TILES)
    expect(tuned).toBe(1)
  })

  it("are tuned at every start where no file can be written", async () => {
    const path = join(folder, "file", "tiles.json")
    await writeFile(join(folder, "file"), "")
    for (let i = 0; i < 2; i++) expect(await tilesFor(path, "one", tune)).toEqual(TILES)
    expect(tuned).toBe(2)
  })
})
