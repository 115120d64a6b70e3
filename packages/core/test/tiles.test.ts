import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { RgbImage } from "../src/image/index.ts"
import { floatsToImage } from "../src/image.ts"
import type { GenerateOptions } from "../src/index.ts"
import { decodePictures, encodePictures, generate } from "../src/index.ts"
import type { LlliteParams, Sdxl } from "../src/models/index.ts"
import { disposeLllite } from "../src/models/index.ts"
import { runAtOnce } from "../src/models/steps.ts"
import { decodeSteps } from "../src/models/vae/vae.ts"
import { type Region, scaledRegion, tilesOf, tileWeights } from "../src/tiling.ts"
import { actingLllite } from "./acting-lllite.ts"
import { createSyntheticSdxl } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

const BASE: GenerateOptions = { width: 128, height: 96, steps: 2, guidanceScale: 3 }
const TILES = { size: 64, overlap: 32 }

let sdxl: Sdxl
let lllite: LlliteParams
beforeAll(async () => {
  sdxl = await createSyntheticSdxl(await startWasm())
  lllite = actingLllite()
})
afterAll(() => {
  disposeLllite(lllite)
  sdxl.dispose()
})

/** A picture with a slope and stripes. */
function picture(width = 128, height = 96): RgbImage {
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)]
    return (x + 2 * y + (x % 16 < 8 ? 60 : 0)) % 256
  })
  return { width, height, data }
}

async function run(changes: Partial<GenerateOptions> = {}, prompt = "a red star") {
  const [kinds, images]: [string[], RgbImage[]] = [[], []]
  for await (const event of generate(sdxl, [{ prompt, seed: 1 }], { ...BASE, ...changes })) {
    kinds.push(event.kind === "tile" ? `${event.step}: ${event.tile}/${event.tiles}` : event.kind)
    if (event.kind === "image") images.push(event.image)
  }
  return { kinds, image: images[0] as RgbImage }
}

function largest(a: RgbImage, b: RgbImage): number {
  return a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - (b.data[i] ?? 0))), 0)
}

describe("a picture in tiles", () => {
  it("is the same as at once where it is not larger than a tile", async () => {
    const plain = await run({ width: 64, height: 64 })
    expect(await run({ width: 64, height: 64, tiles: { size: 64 } })).toEqual(plain)
  })

  it("has an event for each tile but the last of a pass, and for each step", async () => {
    const { kinds, image } = await run({ tiles: TILES })
    const pass = (step: number): string[] => [1, 2, 3, 4, 5].map((tile) => `${step}: ${tile}/6`)
    expect(kinds).toEqual([...pass(1), "step", ...pass(2), "step", "image"])
    expect([image.width, image.height]).toEqual([128, 96])
  })

  it.each([
    ["a sampler of second order", { sampler: "heun" }],
    ["an ancestral sampler", { sampler: "euler_a" }],
    ["the end of guidance", { guidanceWindow: { start: 0, end: 0.4 } }],
    ["DeepCache", { deepCache: { interval: 2, depth: 3 } }],
    ["Deep Shrink", { deepShrink: { levels: [{ depth: 3, timestep: 500 }] } }],
    ["hires fix", { hires: { scale: 0.5, steps: 1 } }],
    ["a start", { start: { image: picture(), strength: 0.5 } }],
  ] satisfies [string, Partial<GenerateOptions>][])("is drawn with %s, and leaves no tensor", async (_, changes) => {
    const before = tf.memory().numTensors
    const plain = await run(changes)
    const tiled = await run({ ...changes, tiles: TILES })
    expect(largest(tiled.image, plain.image)).toBeGreaterThan(0)
    expect(tf.memory().numTensors).toBe(before)
  })

  it("gives each tile its part of the control and of its mask", async () => {
    const control = picture()
    const half = { ...control, data: control.data.map((_, i) => (Math.floor(i / 3) % 128 < 64 ? 255 : 0)) }
    const adapters = [{ lllite, control, mask: half, maskFeather: 8 }]
    const without = await run({ tiles: { size: 64, overlap: 0 }, steps: 1 })
    const both = await run({ tiles: { size: 64, overlap: 0 }, steps: 1, adapters })
    // Without overlap, the tiles on the right see a black mask.
    const right = (image: RgbImage): number[] => [...image.data].filter((_, i) => Math.floor(i / 3) % 128 >= 100)
    const left = (image: RgbImage): number[] => [...image.data].filter((_, i) => Math.floor(i / 3) % 128 < 40)
    const apart = (a: number[], b: number[]): number =>
      a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? 0)), 0)
    expect(apart(left(both.image), left(without.image))).toBeGreaterThan(
      4 * apart(right(both.image), right(without.image)),
    )
    // A control that differs on the right alone changes the tiles there.
    const other = {
      ...control,
      data: control.data.map((value, i) => (Math.floor(i / 3) % 128 < 64 ? value : 255 - value)),
    }
    const free = { lllite, control }
    const one = await run({ tiles: { size: 64, overlap: 0 }, steps: 1, adapters: [free] })
    const two = await run({ tiles: { size: 64, overlap: 0 }, steps: 1, adapters: [{ ...free, control: other }] })
    expect(apart(right(one.image), right(two.image))).toBeGreaterThan(4 * apart(left(one.image), left(two.image)))
  })

  it("stops between two tiles, by the signal and by leaving the loop", async () => {
    const before = tf.memory().numTensors
    for await (const event of generate(sdxl, [{ prompt: "", seed: 1 }], { ...BASE, tiles: TILES })) {
      if (event.kind === "tile" && event.tile === 2) break
    }
    expect(tf.memory().numTensors).toBe(before)
    const controller = new AbortController()
    const tiles: number[] = []
    const stopped = async (): Promise<void> => {
      const options = { ...BASE, tiles: TILES, signal: controller.signal }
      for await (const event of generate(sdxl, [{ prompt: "", seed: 1 }], options)) {
        if (event.kind !== "tile") continue
        tiles.push(event.tile)
        if (event.tile === 2) controller.abort(new Error("enough"))
      }
    }
    await expect(stopped()).rejects.toThrow("enough")
    expect(tiles).toEqual([1, 2])
    expect(tf.memory().numTensors).toBe(before)
  })

  it("is refused with latents that grow, and with wrong tiles", async () => {
    const gradualLatent = { timestep: 900 }
    await expect(run({ tiles: TILES, sampler: "euler_a", gradualLatent })).rejects.toThrow(
      "gradualLatent takes no tiles",
    )
    await expect(run({ tiles: { size: 65 } })).rejects.toThrow("tiles: size is 65, expected a multiple of 32")
    await expect(run({ vaeTiles: { size: 16 } })).rejects.toThrow("vaeTiles: size is 16")
  })
})

describe("the VAE in tiles", () => {
  /** Dark on the left and bright on the right. */
  const slope: RgbImage = {
    width: 256,
    height: 128,
    data: Uint8Array.from({ length: 3 * 256 * 128 }, (_, i) => Math.floor(i / 3) % 256),
  }
  const norm = (x: tf.Tensor): number => tf.tidy(() => tf.norm(x).dataSync<"float32">()[0] ?? 0)

  it("encodes with the statistics of the whole, and not with those of a tile", () => {
    const before = tf.memory().numTensors
    const whole = encodePictures(sdxl, [slope])
    const tiled = encodePictures(sdxl, [slope], { vaeTiles: { size: 128, overlap: 0 } })
    const halves = [0, 1].map((half) => {
      const data = new Uint8Array(3 * 128 * 128)
      for (let y = 0; y < 128; y++) {
        const from = 3 * (256 * y + 128 * half)
        data.set(slope.data.subarray(from, from + 3 * 128), 3 * 128 * y)
      }
      return encodePictures(sdxl, [{ width: 128, height: 128, data }])
    })
    const alone = tf.concat(halves, 2)
    const apart = (x: tf.Tensor): number => tf.tidy(() => norm(tf.sub(x, whole)))
    expect(tiled.shape).toEqual(whole.shape)
    expect(apart(tiled)).toBeLessThan(0.9 * apart(alone))
    tf.dispose([whole, tiled, alone, halves])
    expect(tf.memory().numTensors).toBe(before)
  })

  it("decodes with the statistics of the whole, and not with those of a tile", async () => {
    const before = tf.memory().numTensors
    const latents = encodePictures(sdxl, [slope])
    const decode = async (x: tf.Tensor4D, options: Parameters<typeof decodePictures>[2] = {}): Promise<RgbImage> => {
      for await (const each of decodePictures(sdxl, x, options)) return each
      throw new Error("no picture")
    }
    const [whole, tiled] = [await decode(latents), await decode(latents, { vaeTiles: { size: 128, overlap: 32 } })]
    const left = tf.slice(latents, [0, 0, 0, 0], [1, 16, 16, 4]) as tf.Tensor4D
    const alone = await decode(left)
    // Far from the border, where the tile alone sees nothing else.
    const apart = (image: RgbImage): number => {
      let sum = 0
      for (let y = 0; y < 128; y++) {
        for (let x = 0; x < 3 * 64; x++) {
          sum += Math.abs((image.data[3 * image.width * y + x] ?? 0) - (whole.data[3 * 256 * y + x] ?? 0))
        }
      }
      return sum
    }
    expect([tiled.width, tiled.height]).toEqual([256, 128])
    expect(apart(tiled)).toBeLessThan(0.9 * apart(alone))
    tf.dispose([latents, left])
    expect(tf.memory().numTensors).toBe(before)
  })

  it("adds the tiles of one colour up by their weights, each at its place", async () => {
    const colour = (width: number, height: number): RgbImage => ({
      ...{ width, height },
      data: Uint8Array.from({ length: 3 * width * height }, (_, i) => [200, 90, 40][i % 3] ?? 0),
    })
    const vaeTiles = { size: 64, overlap: 32 }
    const sides = { height: 12, width: 20 }
    const tiles = tilesOf(sides, vaeTiles, 8)
    expect(tiles).toHaveLength(8)
    // All tiles are the same, and so is the small copy of the whole, whose statistics they share.
    const [tiled, alone] = [
      encodePictures(sdxl, [colour(160, 96)], { vaeTiles }),
      encodePictures(sdxl, [colour(64, 64)]),
    ]
    const sums = blend(sides, tiles, [...alone.dataSync<"float32">()], 4)
    for (const [i, value] of tiled.dataSync<"float32">().entries()) expect(value).toBeCloseTo(sums[i] ?? 0, 3)

    const even = (rows: number, columns: number): tf.Tensor4D =>
      tf.tile(tf.tensor4d([0.3, -0.2, 0.5, 0.1], [1, 1, 1, 4]), [1, rows, columns, 1])
    const [large, small] = [even(12, 20), even(8, 8)]
    const decoded = runAtOnce(decodeSteps(sdxl.ops, sdxl.vae, small))
    const pixels = tiles.map((region) => scaledRegion(region, 8))
    const expected = blend({ height: 96, width: 160 }, pixels, [...decoded.dataSync<"float32">()], 3)
    for await (const { data } of decodePictures(sdxl, large, { vaeTiles })) {
      const image = floatsToImage(Float32Array.from(expected), 160, 96).data
      // A value may lie between two bytes.
      expect(data.reduce((far, value, i) => Math.max(far, Math.abs(value - (image[i] ?? 0))), 0)).toBeLessThanOrEqual(1)
    }
    tf.dispose([tiled, alone, large, small, decoded])
  })

  /** The same tile at every place, by the weights. */
  function blend(
    sides: { readonly height: number; readonly width: number },
    tiles: readonly Region[],
    tile: readonly number[],
    channels: number,
  ): Float64Array {
    const sums = new Float64Array(sides.height * sides.width * channels)
    const weights = tileWeights(sides, tiles)
    for (const [i, { top, left, height, width }] of tiles.entries()) {
      for (let at = 0; at < height * width * channels; at++) {
        const place = Math.floor(at / channels)
        const [y, x] = [Math.floor(place / width), place % width]
        const weight = (weights[i]?.rows[y] ?? 0) * (weights[i]?.columns[x] ?? 0)
        const to = ((top + y) * sides.width + left + x) * channels + (at % channels)
        sums[to] = (sums[to] ?? 0) + weight * (tile[at] ?? 0)
      }
    }
    return sums
  }
})
