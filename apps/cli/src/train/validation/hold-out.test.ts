import { blankImage, type FolderDataset } from "@lllite/runtime-node"
import { describe, expect, it } from "vitest"
import { heldOutBy, holdOut } from "./hold-out.ts"

/** Five pairs, of which the first is shown three times. */
const ORIGINALS = [0, 0, 0, 3, 4, 5, 6]
const dataset = {
  ...{ count: ORIGINALS.length, pictures: 5, batchSize: 1, notices: [] },
  groups: [{ examples: ORIGINALS.length, holdOut: null }],
  sizes: ORIGINALS.map((original) => ({ width: 32 * (original + 1), height: 32 })),
  original: (index: number) => ORIGINALS[index] ?? -1,
  example: async (index: number) => {
    const image = blankImage(32, 32, [0, 0, 0])
    const size = { original: [32, 32], crop: [0, 0], target: [32, 32] } as const
    return { name: String(ORIGINALS[index]), image, control: image, caption: "", size }
  },
} as unknown as FolderDataset

const SHARED = { share: 0.4, seed: null }
const withGroups = (...groups: FolderDataset["groups"]): FolderDataset => ({ ...dataset, groups })
const whole = (share: number, seed: number | null = null): FolderDataset =>
  withGroups({ examples: ORIGINALS.length, holdOut: { share, seed } })
const namesOf = async (set: Pick<FolderDataset, "count" | "example"> | null): Promise<readonly string[]> =>
  Promise.all(Array.from({ length: set?.count ?? 0 }, async (_, index) => (await set?.example(index))?.name ?? ""))

describe("holdOut", () => {
  it("puts every pair on one side, with its repeats and its size", async () => {
    for (const seed of [0, 1, 2, 3, 4, 5]) {
      const { heldOut, ...training } = holdOut(whole(0.4), seed)
      const held = await namesOf(heldOut)
      const trained = await namesOf(training)
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
    const first = async (seed: number): Promise<string | undefined> =>
      (await namesOf(holdOut(whole(0.2), seed).heldOut))[0]
    expect(await first(7)).toBe(await first(7))
    expect(new Set(await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(first))).size).toBeGreaterThan(1)
    expect(await namesOf(holdOut(whole(0.2, 3), 7).heldOut)).toEqual([await first(3)])
  })

  it("trains on all pairs where no data set names a share", () => {
    expect(holdOut(dataset, 1)).toMatchObject({ heldOut: null, count: ORIGINALS.length, pictures: 5 })
  })

  it("holds out of each data set by its own share", async () => {
    // The second data set has the pairs 3 to 6.
    const [first, second] = [
      { examples: 3, holdOut: null },
      { examples: 4, holdOut: { share: 0.5, seed: null } },
    ]
    for (const seed of [0, 1, 2, 3]) {
      const { heldOut, pictures, groups } = holdOut(withGroups(first, second), seed)
      const held = await namesOf(heldOut)
      expect([held.length, pictures, held.includes("0")]).toEqual([2, 3, false])
      expect(groups.map(({ examples }) => examples)).toEqual([3, 2])
    }
  })

  it("takes data sets with the same share and seed together", async () => {
    const apart = withGroups({ examples: 3, holdOut: SHARED }, { examples: 4, holdOut: SHARED })
    expect(await namesOf(holdOut(apart, 5).heldOut)).toEqual(await namesOf(holdOut(whole(0.4), 5).heldOut))
    const other = withGroups({ examples: 3, holdOut: SHARED }, { examples: 4, holdOut: { ...SHARED, seed: 1 } })
    expect(() => holdOut(other, 5)).toThrow("less than one of 1 pairs")
  })

  it("says how each data set holds out", () => {
    const none = { examples: 3, holdOut: null }
    expect(heldOutBy(withGroups(none, none), 5)).toBe("none")
    expect(heldOutBy(whole(0.4), 5)).toBe("0.4 by 5")
    expect(heldOutBy(withGroups(none, { examples: 4, holdOut: { share: 0.1, seed: 2 } }), 5)).toBe("none, 0.1 by 2")
  })

  it("refuses a share of less than one pair", () => {
    expect(() => holdOut(whole(0.1), 0)).toThrow(
      "validation_split is 0.1, which is less than one of 5 pairs. Give at least 0.2",
    )
  })
})
