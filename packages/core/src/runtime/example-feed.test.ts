import { describe, expect, it } from "vitest"
import type { ExampleView, LatentStore, StoredExample, TrainDataset, TrainExample } from "../training/dataset.ts"
import type { EncodedRow, ExampleRow } from "../training/example-row.ts"
import type { EncodeRow } from "./example-feed.ts"
import { createExampleFeed } from "./example-feed.ts"

const SIDE = 32
const TEXT = { context: new Float32Array(8), pooled: new Float32Array(2) }
const size = { original: [SIDE, SIDE], crop: [0, 0], target: [SIDE, SIDE] } as const

/** A picture of one value: the index, or 100 more if it is mirrored. */
function exampleOf(index: number, { isFlipped }: Pick<ExampleView, "isFlipped">): TrainExample {
  const data = new Uint8Array(3 * SIDE * SIDE).fill(isFlipped ? index + 100 : index)
  const picture = { width: SIDE, height: SIDE, data }
  return { name: `picture ${index}`, image: picture, control: picture, caption: `caption ${index}`, size }
}

function datasetOf(count: number, more: Partial<TrainDataset> = {}) {
  const read: string[] = []
  const dataset: TrainDataset = {
    count,
    example: async (index, view = { isFlipped: false, draws: null }) => {
      const draw = view.draws?.uniform("crop", 1)[0]
      read.push(`${index}${view.isFlipped ? " mirrored" : ""}${draw === undefined ? "" : ` ${draw}`}`)
      return exampleOf(index, view)
    },
    ...more,
  }
  return { dataset, read }
}

/** Latents are all the value of the picture's first pixel. */
function encoder() {
  const encoded: string[] = []
  const encode: EncodeRow = async (row, caption) => {
    encoded.push(row.key ?? "none")
    const value = "image" in row.picture ? (row.picture.image.data[0] ?? 0) : 0
    return {
      row: { ...row, picture: { latents: new Float32Array(64).fill(value) }, text: TEXT } satisfies EncodedRow,
      isCut: caption === "caption 1",
    }
  }
  return { encode, encoded }
}

async function feedOf(dataset: TrainDataset, keptBytes = Number.POSITIVE_INFINITY) {
  const feed = createExampleFeed(dataset, { seed: 3, keptBytes })
  const { encode, encoded } = encoder()
  const cut: (string | null)[] = []
  for (let index = 0; index < dataset.count; index++) cut.push(await feed.prepare(index, encode))
  return { feed, encoded, cut }
}

/** The moment of a step, which only captions with rules read. */
const MOMENT = { epoch: 1, step: 0, steps: 1 }
const latentOf = ({ picture }: ExampleRow): number | null =>
  "latents" in picture ? (picture.latents[0] ?? null) : null

describe("the feed of a run's examples", () => {
  it("encodes each picture once, and gives steps its latents", async () => {
    const { dataset, read } = datasetOf(2)
    const { feed, encoded, cut } = await feedOf(dataset)
    expect(encoded).toEqual(["0", "1"])
    expect(cut).toEqual([null, "picture 1"])
    const rows = await feed.rows(7, [1, 0], MOMENT)
    expect(rows.map(latentOf)).toEqual([1, 0])
    expect(rows.map(({ text }) => text)).toEqual([TEXT, TEXT])
    expect(read).toEqual(["0", "1"])
    expect(feed.sizes()).toHaveLength(2)
    expect(feed.notices()).toEqual([])
  })

  it("shows a picture that flips both ways, by the seed, the batch and the row alone", async () => {
    const flips = { augmentation: () => ({ flips: true, varies: false }) }
    const { feed, encoded } = await feedOf(datasetOf(1, flips).dataset)
    expect(encoded).toEqual(["0", "0 flipped"])
    const shown: (number | null)[] = []
    for (let batch = 0; batch < 40; batch++) shown.push(...(await feed.rows(batch, [0, 0], MOMENT)).map(latentOf))
    expect(new Set(shown)).toEqual(new Set([0, 100]))
    expect(shown.filter((value) => value === 100).length).toBeGreaterThan(25)
    expect(shown.filter((value) => value === 100).length).toBeLessThan(55)
    const { feed: again } = await feedOf(datasetOf(1, flips).dataset)
    expect((await again.rows(33, [0, 0], MOMENT)).map(latentOf)).toEqual(shown.slice(66, 68))
  })

  it("reads what varies anew at every step, with draws of its own", async () => {
    const { dataset, read } = datasetOf(1, {
      augmentation: () => ({ flips: false, varies: true }),
      sizes: [{ width: SIDE, height: SIDE }],
    })
    const { feed, encoded } = await feedOf(dataset)
    expect([encoded, read]).toEqual([[], []])
    const rows = [
      await feed.rows(0, [0, 0], MOMENT),
      await feed.rows(1, [0], MOMENT),
      await feed.rows(1, [0], MOMENT),
    ].flat()
    expect(rows.map(({ key, picture }) => key === null && "image" in picture)).toEqual([true, true, true, true])
    expect(new Set(read.slice(0, 3)).size).toBe(3)
    expect(read[3]).toBe(read[2])
  })

  it("reads what is streamed at its step alone, and keeps nothing of it", async () => {
    const sizes = [1, 2].map(() => ({ width: SIDE, height: SIDE }))
    const { dataset, read } = datasetOf(2, { sizes, isStreamed: () => true, captionOf: (index) => `caption ${index}` })
    const { feed, encoded } = await feedOf(dataset)
    expect([encoded, read, feed.notices()]).toEqual([[], [], []])
    const rows = [await feed.rows(0, [0, 1], MOMENT), await feed.rows(1, [0], MOMENT)].flat()
    expect(rows.map(({ key, picture, text }) => [key, "image" in picture, "caption" in text])).toEqual(
      rows.map(() => [null, true, true]),
    )
    expect(read).toEqual(["0", "1", "0"])
  })

  it("encodes anew what has no room in memory, and says so", async () => {
    const { dataset, read } = datasetOf(4)
    const one = 64 * 4 + 3 * SIDE * SIDE + 10 * 4
    const { feed, encoded } = await feedOf(dataset, 2 * one)
    expect(encoded).toHaveLength(3)
    expect(feed.notices()[0]).toContain("2 of 4 pictures do not fit")
    read.length = 0
    const rows = await feed.rows(0, [0, 1, 2, 3], MOMENT)
    expect(rows.map(latentOf)).toEqual([0, 1, null, null])
    // The draw from the posterior is that of the picture, at whichever step.
    expect(rows[3]?.picture).toEqual((await feed.rows(9, [3], MOMENT))[0]?.picture)
    expect(read).toEqual(["2", "3", "3"])
    expect(feed.sizes()).toHaveLength(4)
  })

  it("keeps latents in the store alone, both ways, and encodes none that are there", async () => {
    const stored = new Map<number, readonly Float32Array[]>([[1, [new Float32Array(64).fill(11)]]])
    const latents: LatentStore = {
      has: async (index) => stored.has(index),
      read: async (index, isFlipped): Promise<StoredExample> => {
        const { image: _, ...rest } = exampleOf(index, { isFlipped })
        return { ...rest, latents: stored.get(index)?.[isFlipped ? 1 : 0] ?? new Float32Array() }
      },
      write: async (index, values) => void stored.set(index, values),
      notices: () => ["one was there"],
    }
    const { dataset } = datasetOf(2, { latents, augmentation: (index) => ({ flips: index === 0, varies: false }) })
    const { feed, encoded } = await feedOf(dataset, 0)
    expect(encoded).toEqual(["0", "0 flipped"])
    expect(stored.get(0)?.map(([first]) => first)).toEqual([0, 100])
    expect((await feed.rows(0, [1], MOMENT)).map(latentOf)).toEqual([11])
    expect(feed.notices()).toEqual([])
  })

  it("refuses an original that comes later, or is not the first", () => {
    for (const original of [(index: number) => index + 1, (index: number) => Math.max(0, index - 1)]) {
      expect(() => createExampleFeed(datasetOf(3, { original }).dataset, { seed: 1, keptBytes: 0 })).toThrow(
        "the original of example",
      )
    }
  })
})
