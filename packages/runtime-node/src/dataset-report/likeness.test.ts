import type { RgbImage } from "@lllite/core/image"
import { resizeImage } from "@lllite/core/image"
import { drawScene, makeScene } from "@lllite/tiny"
import { describe, expect, it } from "vitest"
import { alikeGroups, type Likeness, likenessOf, lookAlike } from "./likeness.ts"

const scenes = Array.from({ length: 60 }, (_, i) => drawScene(makeScene(5, i)))
const noPause = async (): Promise<void> => {}

/** The picture with every byte changed by up to two. */
function noisy(image: RgbImage): RgbImage {
  return { ...image, data: image.data.map((value, i) => Math.max(0, Math.min(255, value + ((i * 7) % 5) - 2))) }
}

describe("lookAlike", () => {
  it("finds a resized and slightly changed copy", () => {
    for (const scene of scenes) {
      expect(lookAlike(likenessOf(scene), likenessOf(noisy(scene)))).toBe(true)
      expect(lookAlike(likenessOf(scene), likenessOf(resizeImage(scene, 96, 96, "area")))).toBe(true)
    }
  })

  it("tells the tiny model's scenes apart, and one colour from another", () => {
    const all = scenes.map(likenessOf)
    const pairs = all.flatMap((a, i) => all.slice(i + 1).filter((b) => lookAlike(a, b)))
    expect(pairs).toEqual([])
    const plain = (value: number): RgbImage => ({ width: 9, height: 5, data: new Uint8Array(135).fill(value) })
    expect(lookAlike(likenessOf(plain(10)), likenessOf(plain(250)))).toBe(false)
  })
})

describe("alikeGroups", () => {
  it("gives each picture to one group, in order", async () => {
    const [a, b, c] = scenes as [RgbImage, RgbImage, RgbImage]
    const likenesses = [a, b, noisy(a), c, noisy(b), noisy(a)].map(likenessOf)
    expect(await alikeGroups(likenesses, noPause)).toEqual([
      [0, 2, 5],
      [1, 4],
    ])
    expect(await alikeGroups([], noPause)).toEqual([])
  })

  it("finds hashes that differ in three bits, wherever the bits are", async () => {
    const tiny = new Uint8Array(192)
    for (const bits of [
      [0b111, 0],
      [1 << 16, (1 << 20) | 1],
      [0, (1 << 31) | (1 << 3) | (1 << 17)],
    ] as const) {
      const hash = [(0x5a5a1234 ^ bits[0]) >>> 0, (0x0ff01337 ^ bits[1]) >>> 0] as const
      expect(
        await alikeGroups(
          [
            { hash: [0x5a5a1234, 0x0ff01337], tiny },
            { hash, tiny },
          ],
          noPause,
        ),
      ).toEqual([[0, 1]])
    }
    const far = [0x5a5a1234 ^ 0b1111, 0x0ff01337] as const
    expect(
      await alikeGroups(
        [
          { hash: [0x5a5a1234, 0x0ff01337], tiny },
          { hash: far, tiny },
        ],
        noPause,
      ),
    ).toEqual([])
  })

  it("finds every picture that looks like the first of a group, on plain grounds of any brightness", async () => {
    const pictures = Array.from({ length: 400 }, (_, i) => {
      const tiny = new Uint8Array(192).fill((i * 37) % 256)
      // Four in a row differ by up to 3 on average. The brightest and the darkest are there, too.
      return { hash: [0, i % 4] as const, tiny: tiny.map((value) => Math.min(255, value + (i % 4))) }
    })
    const expected: number[][] = []
    for (const [index, picture] of pictures.entries()) {
      const group = expected.find(([first = 0]) => lookAlike(pictures[first] as Likeness, picture))
      if (group === undefined) expected.push([index])
      else group.push(index)
    }
    expect(await alikeGroups(pictures, noPause)).toEqual(expected.filter(({ length }) => length > 1))
    expect(expected.length).toBeLessThan(200)
  })

  it("stops when the pause throws", async () => {
    const stop = async (): Promise<void> => {
      throw new Error("stopped")
    }
    await expect(alikeGroups(scenes.map(likenessOf), stop)).rejects.toThrow("stopped")
  })
})
