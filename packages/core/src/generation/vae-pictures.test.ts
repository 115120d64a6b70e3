import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest"
import { createSyntheticSdxl } from "../../test/synthetic-sdxl.ts"
import { startWasm } from "../../test/wasm.ts"
import type { RgbImage } from "../image.ts"
import type { Sdxl } from "../models/sdxl.ts"
import { createStream } from "../random/stream.ts"
import { decodePictures } from "./decode-pictures.ts"
import { encodePictures, type VaeParts } from "./encode-pictures.ts"

/* Pictures to latents and back, as the phases of a generation use them. */

let sdxl: Sdxl
let before = 0
beforeAll(async () => {
  sdxl = await createSyntheticSdxl(await startWasm())
})
afterAll(() => sdxl.dispose())
beforeEach(() => {
  before = tf.memory().numTensors
})
afterEach(() => {
  expect(tf.memory().numTensors).toBe(before)
})

const TILES = { vaeTiles: { size: 64, overlap: 16 } } as const

function picture(seed: number, width = 96, height = 64): RgbImage {
  const values = createStream(seed, "picture").uniform(width * height * 3)
  return { width, height, data: Uint8Array.from(values, (value) => Math.floor(256 * value)) }
}

/** The values and the shape of latents, which are disposed. */
async function read(latents: Tensor4D): Promise<{ shape: number[]; values: Float32Array }> {
  const values = await latents.data<"float32">()
  latents.dispose()
  return { shape: latents.shape, values }
}

const encoded = (pictures: readonly RgbImage[], options?: VaeParts) => read(encodePictures(sdxl, pictures, options))

async function decoded(latents: Tensor4D, options?: Parameters<typeof decodePictures>[2]): Promise<RgbImage[]> {
  const pictures: RgbImage[] = []
  for await (const each of decodePictures(sdxl, latents, options)) pictures.push(each)
  return pictures
}

function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a).toHaveLength(b.length)
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] ?? Number.NaN))))
}

it("encodes each picture of a list as alone", async () => {
  const both = await encoded([picture(1), picture(2)])
  expect(both.shape).toEqual([2, 8, 12, 4])
  const alone = [await encoded([picture(1)]), await encoded([picture(2)])]
  expect(apart(both.values, [...(alone[0]?.values ?? []), ...(alone[1]?.values ?? [])])).toBe(0)
})

it.each([
  [[], "got none"],
  [[picture(1), picture(2, 96, 96)], "got 96×64 and 96×96 px"],
  [[picture(1), picture(2), picture(3, 64, 64)], "got 96×64 and 64×64 px"],
])("refuses pictures that are not of one size (case %#)", (pictures, message) => {
  expect(() => encodePictures(sdxl, pictures)).toThrow(
    expect.objectContaining({
      code: "picture-size",
      message: `generate: expected pictures of one size to encode, ${message}`,
    }),
  )
})

it("encodes in tiles where the longer side is above a tile's, and in slices with the same result", async () => {
  const whole = await encoded([picture(1)])
  expect(apart((await encoded([picture(1)], { vaeTiles: { size: 96, overlap: 16 } })).values, whole.values)).toBe(0)
  for (const [width, height] of [
    [96, 64],
    [64, 96],
  ] as const) {
    const [plain, tiled] = [
      await encoded([picture(1, width, height)]),
      await encoded([picture(1, width, height)], TILES),
    ]
    expect(tiled.shape).toEqual(plain.shape)
    expect(apart(tiled.values, plain.values)).toBeGreaterThan(1e-4)
  }
  expect(apart((await encoded([picture(1)], { vaeSlices: 2 })).values, whole.values)).toBeLessThan(1e-4)
})

it("decodes each picture of a batch as alone, in tiles above their size, and in slices with the same result", async () => {
  const both = tf.tensor4d(createStream(1, "latents").normal(2 * 8 * 12 * 4), [2, 8, 12, 4])
  const second = tf.slice(both, [1, 0, 0, 0], [1, -1, -1, -1])
  const pictures = await decoded(both)
  expect(pictures).toHaveLength(2)
  const [first, last] = pictures as [RgbImage, RgbImage]
  expect([first.width, first.height]).toEqual([96, 64])
  expect(apart(first.data, last.data)).toBeGreaterThan(1)
  const [alone] = (await decoded(second)) as [RgbImage]
  expect(apart(alone.data, last.data)).toBe(0)
  const [fits] = (await decoded(second, { vaeTiles: { size: 96, overlap: 16 } })) as [RgbImage]
  expect(apart(fits.data, last.data)).toBe(0)
  const [tiled] = (await decoded(second, TILES)) as [RgbImage]
  expect([tiled.width, tiled.height]).toEqual([96, 64])
  expect(apart(tiled.data, last.data)).toBeGreaterThan(0)
  const [sliced] = (await decoded(second, { vaeSlices: 2 })) as [RgbImage]
  expect(apart(sliced.data, last.data)).toBeLessThanOrEqual(1)
  tf.dispose([both, second])
})

it("runs more and smaller convolutions in slices, both ways", async () => {
  let count = 0
  const conv2d: typeof sdxl.ops.conv2d = (...inputs) => {
    count += 1
    return sdxl.ops.conv2d(...inputs)
  }
  const counted = { ...sdxl, ops: { ...sdxl.ops, conv2d } }
  const convolutions = async (vaeSlices: number): Promise<number[]> => {
    count = 0
    const latents = encodePictures(counted, [picture(1)], { vaeSlices })
    const encoding = count
    for await (const _ of decodePictures(counted, latents, { vaeSlices }));
    latents.dispose()
    return [encoding, count - encoding]
  }
  const [whole, sliced] = [await convolutions(1), await convolutions(2)]
  expect(sliced[0]).toBeGreaterThan(whole[0] as number)
  expect(sliced[1]).toBeGreaterThan(whole[1] as number)
})

it("stops between two blocks of the decoder, in tiles or not, and keeps nothing", async () => {
  const latents = tf.zeros<tf.Rank.R4>([1, 8, 12, 4])
  for (const options of [{}, TILES]) {
    const controller = new AbortController()
    const reason = new Error("enough")
    const work = decoded(latents, { ...options, signal: controller.signal, pause: () => Promise.resolve() })
    controller.abort(reason)
    await expect(work).rejects.toBe(reason)
  }
  latents.dispose()
})
