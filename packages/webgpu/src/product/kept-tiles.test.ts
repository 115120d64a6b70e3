import { beforeEach, describe, expect, it } from "vitest"
import type { TextStore } from "../device/text-store.ts"
import { keptTiles } from "./kept-tiles.ts"
import type { ProductTiles } from "./tiles.ts"

const TILES: ProductTiles = {
  large: { tileM: 128, tileN: 64, tileK: 16, m: 8, n: 8 },
  small: { tileM: 32, tileN: 32, tileK: 32, m: 4, n: 4 },
  half: true,
}

/** A store that begins empty, or with a text. */
function storeOf(text?: string): TextStore & { text: string | undefined } {
  return {
    text,
    read() {
      return this.text === undefined ? Promise.reject(new Error("nothing there")) : Promise.resolve(this.text)
    },
    async write(text) {
      this.text = text
    },
  }
}

describe("tiles that are kept", () => {
  let tuned: number
  const tune = async (): Promise<ProductTiles> => {
    tuned += 1
    return TILES
  }
  beforeEach(() => {
    tuned = 0
  })

  it("are tuned once for every adapter", async () => {
    const store = storeOf()
    for (const adapter of ["one", "two", "one", "two"]) expect(await keptTiles(store, adapter, tune)).toEqual(TILES)
    expect(tuned).toBe(2)
    expect(Object.keys(JSON.parse(store.text ?? ""))).toEqual(["one", "two"])
  })

  it.each([
    ["no JSON", "{"],
    ["no object", "null"],
    ["of another release", JSON.stringify({ one: { ...TILES, small: { ...TILES.small, tileK: 12 } } })],
    ["of a release before", JSON.stringify({ one: { large: TILES.large, small: TILES.small } })],
  ])("are tuned again where what was kept is %s", async (_, text) => {
    const store = storeOf(text)
    expect(await keptTiles(store, "one", tune)).toEqual(TILES)
    expect(await keptTiles(store, "one", tune)).toEqual(TILES)
    expect(tuned).toBe(1)
  })

  it("are tuned at every start where nothing can be written", async () => {
    const store = { ...storeOf(), write: () => Promise.reject(new Error("no room")) }
    for (let i = 0; i < 2; i++) expect(await keptTiles(store, "one", tune)).toEqual(TILES)
    expect(tuned).toBe(2)
  })
})
