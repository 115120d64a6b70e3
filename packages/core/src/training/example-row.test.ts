import { describe, expect, it } from "vitest"
import { SIZE_EMBEDDING_DIM, sizeEmbedding } from "../diffusion/size-embedding.ts"
import { completeExample, latentMask, rowKey, rowOf, storedRow } from "./example-row.ts"

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

  it("refuses a control or a mask of another size, and sides that are no multiples of 32", () => {
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
