import type { ProductTiles } from "@lllite/webgpu"
import { keptTiles } from "@lllite/webgpu"
import { storeOf } from "../../src/worker/store.ts"

const TILES: ProductTiles = {
  large: { tileM: 128, tileN: 64, tileK: 16, m: 8, n: 8 },
  small: { tileM: 32, tileN: 32, tileK: 32, m: 4, n: 4 },
  half: true,
}

/** Starts an adapter a few times and answers how often it was tuned. */
globalThis.onmessage = async ({ data: starts }: MessageEvent<number>) => {
  let tuned = 0
  const tune = async (): Promise<ProductTiles> => {
    tuned += 1
    return TILES
  }
  for (let i = 0; i < starts; i++) await keptTiles(storeOf("webgpu-tiles.json"), "an adapter", tune)
  globalThis.postMessage(tuned)
}
