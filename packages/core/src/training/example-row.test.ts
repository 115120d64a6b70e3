import { beforeAll, describe, expect, it } from "vitest"
import { loadSynthetic } from "../../reference/weights.ts"
import { startWasm } from "../../test/wasm.ts"
import { SIZE_EMBEDDING_DIM, sizeEmbedding } from "../diffusion/size-embedding.ts"
import { buildText1, buildText2 } from "../models/clip/weights.ts"
import type { Sdxl, Tokenizer } from "../models/index.ts"
import { completeExample, createRowEncoder, latentMask, rowKey, rowOf, storedRow } from "./example-row.ts"

const rgb = (width: number, height: number) => ({ width, height, data: new Uint8Array(3 * width * height) })
const size = { original: [64, 32], crop: [0, 0], target: [64, 32] } as const
const EXAMPLE = { name: "a.png", image: rgb(32, 64), control: rgb(32, 64), caption: "a star", size }

describe("the row of an example", () => {
  it("has a key of its own for each way that it is shown", () => {
    expect(new Set([rowKey(1, false), rowKey(1, true), rowKey(2, false)]).size).toBe(3)
    expect(rowOf(EXAMPLE, 3, true)).toMatchObject({ key: rowKey(3, true), width: 32, height: 64 })
  })

  it("draws a mirrored picture's latents apart from those of the picture", () => {
    const draws = [false, true].map((isFlipped) => rowOf(EXAMPLE, 3, isFlipped).picture)
    expect(draws[0]).not.toEqual(draws[1])
  })

  it("refuses a control or a mask of another size, and sides that are not multiples of 32", () => {
    expect(() => rowOf({ ...EXAMPLE, control: rgb(64, 64) }, 0)).toThrow('the control of "a.png" is 64×64 px')
    const mask = { width: 32, height: 32, data: new Uint8Array(32 * 32) }
    expect(() => rowOf({ ...EXAMPLE, mask }, 0)).toThrow('the mask of "a.png" is 32×32 px')
    expect(() => rowOf({ ...EXAMPLE, image: rgb(33, 64) }, 0)).toThrow("multiples of 32")
  })

  it("refuses latents of another size", () => {
    const stored = { ...EXAMPLE, latents: new Float32Array(4 * 8 * 4) }
    expect(storedRow(stored, "0").picture).toEqual({ latents: stored.latents })
    expect(() => storedRow({ ...stored, latents: new Float32Array(4) }, "0")).toThrow("expected 128")
  })
})

describe("a row with nothing left to encode", () => {
  it("becomes an example, whose vector has the pooled text before height and width", () => {
    const text = { context: Float32Array.of(1, 2), pooled: Float32Array.of(3, 4, 5) }
    const wide = { original: [300, 500], crop: [7, 9], target: [32, 64] } as const
    const row = { ...rowOf(EXAMPLE, 3), size: wide, text, picture: { latents: new Float32Array(128) } }
    const { vector, context, width, height, key } = completeExample(row)
    expect([width, height, key, context]).toEqual([32, 64, "3", text.context])
    expect(vector).toHaveLength(3 + SIZE_EMBEDDING_DIM)
    expect([...vector.subarray(0, 3)]).toEqual([3, 4, 5])
    expect(vector.subarray(3)).toEqual(sizeEmbedding(wide))
    expect(completeExample({ ...row, key: null }).key).toBeNull()
  })
})

describe("the mask of latents", () => {
  it("is the mean of 8 × 8 pixels, row by row", () => {
    const [width, height] = [16, 8]
    const data = new Uint8Array(width * height).fill(255)
    for (let y = 0; y < 4; y++) data.fill(0, y * width, y * width + 8)
    expect([...latentMask({ width, height, data })]).toEqual([0.5, 1])
    expect([...latentMask({ width: 8, height: 16, data })]).toHaveLength(2)
  })

  it("has a row of latents for 8 rows of pixels, on sides that differ", () => {
    const [width, height] = [24, 16]
    // White in the second of two rows of latents, in the last of three columns, and there in a quarter.
    const data = Uint8Array.from({ length: width * height }, (_, i) => {
      const [x, y] = [i % width, Math.floor(i / width)]
      return x >= 20 && y >= 12 ? 255 : 0
    })
    expect([...latentMask({ width, height, data })]).toEqual([0, 0, 0, 0, 0, 0.25])
  })
})

describe("the encoder of rows", () => {
  const read: string[] = []
  let sdxl: Sdxl

  beforeAll(async () => {
    const ops = await startWasm()
    const shape = { width: 8, layers: 1, heads: 1, vocabulary: 6, positions: 77 }
    const tokenizer: Tokenizer = {
      encode: (text) => {
        read.push(text)
        return [text.length % 4]
      },
      ...{ vocabularySize: 6, startId: 4, endId: 5 },
    }
    const text1 = { ...shape, activation: "quick-gelu", projection: null } as const
    const text2 = { ...shape, activation: "gelu", projection: 8 } as const
    sdxl = {
      ...{ ops, tokenizer },
      text1: await loadSynthetic("text encoder 1", buildText1(text1), ops.load),
      text2: await loadSynthetic("text encoder 2", buildText2(text2), ops.load),
    } as Sdxl
  })

  const latents = Float32Array.from({ length: 128 }, (_, i) => i)
  const rowWith = (caption: string) => ({ ...rowOf({ ...EXAMPLE, caption }, 0), picture: { latents } })

  it("is encoded in a whole number of chunks, with weights or without", () => {
    for (const captionChunks of [-1, 0, 1.5, Number.NaN]) {
      expect(() => createRowEncoder(sdxl, { seed: 1, captionChunks })).toThrow(/^captions: chunks must be/)
    }
    expect(() => createRowEncoder(sdxl, { seed: 1, weightedCaptions: 1 as unknown as boolean })).toThrow(/weights/)
  })

  it("keeps the 64 captions that were asked for last", async () => {
    const encode = createRowEncoder(sdxl, { seed: 1 })
    const first = await encode(rowWith("0"))
    for (let i = 1; i < 64; i++) await encode(rowWith(String(i)))
    read.length = 0
    expect((await encode(rowWith("0"))).text).toBe(first.text)
    expect(read).toEqual([])
    // The 65th takes the place of the one that was asked for longest ago.
    await encode(rowWith("64"))
    await encode(rowWith("0"))
    expect(read).toEqual(["64"])
    await encode(rowWith("1"))
    expect(read).toEqual(["64", "1"])
  })

  it("encodes nothing that a row has", async () => {
    const encode = createRowEncoder(sdxl, { seed: 1 })
    read.length = 0
    const text = { context: Float32Array.of(1), pooled: Float32Array.of(2) }
    const row = { ...rowWith("a star"), text }
    const encoded = await encode(row)
    expect(encoded).toEqual(row)
    expect(encoded.picture.latents).toBe(latents)
    expect(encoded.text).toBe(text)
    expect(read).toEqual([])
  })

  it("reads as many chunks as are asked for, with weights where these are asked for", async () => {
    const plain = await createRowEncoder(sdxl, { seed: 1 })(rowWith("a (star:1.5)"))
    expect(plain.text.context).toHaveLength(77 * 16)
    const two = await createRowEncoder(sdxl, { seed: 1, captionChunks: 2 })(rowWith("a star"))
    expect(two.text.context).toHaveLength((2 * 75 + 2) * 16)
    read.length = 0
    const weighted = await createRowEncoder(sdxl, { seed: 1, weightedCaptions: true })(rowWith("a (star:1.5)"))
    expect(read).toEqual(["a ", "star"])
    expect(weighted.text.context).not.toEqual(plain.text.context)
  })
})
