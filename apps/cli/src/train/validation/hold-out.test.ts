import { blankImage, type FolderDataset } from "@lllite/runtime-node"
import { describe, expect, it } from "vitest"
import { holdOut } from "./hold-out.ts"

/** Five pairs, of which the first is shown three times. */
const ORIGINALS = [0, 0, 0, 3, 4, 5, 6]
const dataset = {
  ...{ count: ORIGINALS.length, pictures: 5, batchSize: 1, notices: [] },
  sizes: ORIGINALS.map((original) => ({ width: 32 * (original + 1), height: 32 })),
  original: (index: number) => ORIGINALS[index] ?? -1,
  example: async (index: number) => {
    const image = blankImage(32, 32, [0, 0, 0])
    const size = { original: [32, 32], crop: [0, 0], target: [32, 32] } as const
    return { name: String(ORIGINALS[index]), image, control: image, caption: "", size }
  },
} as unknown as FolderDataset

describe("holdOut", () => {
  it("puts every pair on one side, with its repeats and its size", async () => {
    for (const seed of [0, 1, 2, 3, 4, 5]) {
      const { heldOut, ...training } = holdOut(dataset, { share: 0.4, seed })
      const names = async (set: { count: number; example: FolderDataset["example"] }): Promise<string[]> =>
        Promise.all(Array.from({ length: set.count }, async (_, index) => (await set.example(index)).name))
      const held = heldOut === null ? [] : await names(heldOut)
      const trained = await names(training)
      expect(held).toHaveLength(2)
      expect(new Set([...held, ...trained]).size).toBe(5)
      expect(held.some((name) => trained.includes(name))).toBe(false)
      expect(training.pictures).toBe(3)
      for (const [index, name] of trained.entries()) {
        expect(training.sizes[index]?.width).toBe(32 * (Number(name) + 1))
        const first = training.original?.(index) ?? -1
        expect(trained[first]).toBe(name)
        expect(first).toBe(trained.indexOf(name))
      }
    }
  })

  it("chooses by the seed alone", async () => {
    const namesOf = async (seed: number): Promise<string | undefined> =>
      (await holdOut(dataset, { share: 0.2, seed }).heldOut?.example(0))?.name
    expect(await namesOf(7)).toBe(await namesOf(7))
    expect(new Set(await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(namesOf))).size).toBeGreaterThan(1)
  })

  it("refuses a share of less than one pair", () => {
    expect(() => holdOut(dataset, { share: 0.1, seed: 0 })).toThrow(
      "validation_split is 0.1, which is less than one of 5 pairs. Give at least 0.2",
    )
  })
})
