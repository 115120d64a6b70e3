import type { AdapterDims, Site } from "@lllite/format"
import { signal } from "../reference/synthetic.ts"
import type { RgbImage } from "../src/image/index.ts"
import type { LlliteModel, Sdxl } from "../src/models/index.ts"
import { layOutSlots } from "../src/models/lllite/layout.ts"
import { createStream } from "../src/random/index.ts"
import type { CachedExample, CacheOptions } from "../src/training/index.ts"
import { cacheDataset } from "../src/training/index.ts"

/** An LLLite that has learned something: all its values are drawn. */
export function drawnLllite(sites: readonly Site[], form: AdapterDims): LlliteModel {
  const adapters = sites.map((site) => ({ site, ...form }))
  const { slots, size } = layOutSlots(adapters)
  const values = createStream(3, "values")
    .normal(size)
    .map((value) => value / 8)
  return { adapters, slots, values }
}

/** A picture of 64 × 64 pixels, drawn by its name. */
export function namedPicture(name: string): RgbImage {
  return { width: 64, height: 64, data: Uint8Array.from(signal(name, [64, 64, 3]), (value) => (value + 1) * 127) }
}

/** Two encoded pictures. Their controls are the pictures of these names. */
export async function twoExamples(
  sdxl: Sdxl,
  controlOf: (index: number) => string,
  options: Pick<CacheOptions, "controlLatents"> = {},
): Promise<CachedExample[]> {
  const size = { original: [64, 64], crop: [0, 0], target: [64, 64] } as const
  const example = async (index: number) => ({
    ...{ name: `example ${index}`, caption: "a star", size },
    ...{ image: namedPicture(`image ${index}`), control: namedPicture(controlOf(index)) },
  })
  const caching = cacheDataset(sdxl, { count: 2, example }, { seed: 5, ...options })
  for (;;) {
    const next = await caching.next()
    if (next.done === true) return next.value
  }
}
