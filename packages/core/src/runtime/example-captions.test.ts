import { describe, expect, it } from "vitest"
import type { CaptionRules } from "../training/captions/index.ts"
import type { EncodedText, TextStore, TrainDataset } from "../training/dataset.ts"
import type { ExampleRow } from "../training/example-row.ts"
import { createExampleFeed, type EncodeRow } from "./example-feed.ts"

const picture = { width: 32, height: 32, data: new Uint8Array(3 * 32 * 32) }
const size = { original: [32, 32], crop: [0, 0], target: [32, 32] } as const
const CAPTION = "a, b, c, d, e, f"

/** Examples whose captions have these rules. The last has a caption that stays. */
function dataset(rules: CaptionRules, count = 3): TrainDataset {
  return {
    count,
    example: async (index) => ({ name: `${index}.png`, image: picture, control: picture, caption: CAPTION, size }),
    changingCaption: (index) => (index === count - 1 ? null : { caption: CAPTION, rules }),
  }
}

/** Encodes a text as its letters. Keeps the texts that it has encoded. */
function encoder(): { readonly encode: EncodeRow; readonly texts: string[]; readonly measured: string[] } {
  const [texts, measured]: [string[], string[]] = [[], []]
  const encode: EncodeRow = async (row, caption) => {
    measured.push(caption)
    if ("caption" in row.text) texts.push(row.text.caption)
    const context =
      "caption" in row.text ? Float32Array.from(row.text.caption, (sign) => sign.charCodeAt(0)) : row.text.context
    const latents = "latents" in row.picture ? row.picture.latents : new Float32Array(4 * 16)
    return {
      row: { ...row, picture: { latents }, text: { context, pooled: new Float32Array(1) } },
      isCut: caption === "long",
    }
  }
  return { encode, texts, measured }
}

const textOf = ({ text }: ExampleRow): string =>
  "caption" in text ? text.caption : String.fromCharCode(...text.context)

async function prepared(rules: CaptionRules) {
  const set = dataset(rules)
  const feed = createExampleFeed(set, { seed: 5, keptBytes: Number.POSITIVE_INFINITY })
  const { encode, texts, measured } = encoder()
  for (let index = 0; index < set.count; index++) await feed.prepare(index, encode)
  return { feed, texts, measured }
}

const MOMENT = { epoch: 1, step: 0, steps: 100 }

describe("captions that change, in the rows of a step", () => {
  it("are drawn for the batch and the row, and others stay", async () => {
    const { feed } = await prepared({ shuffle: true })
    const texts = async (batch: number, indices: readonly number[]): Promise<readonly string[]> =>
      (await feed.rows(batch, indices, MOMENT)).map(textOf)
    const first = await texts(0, [0, 1, 2])
    expect(await texts(0, [0, 1, 2])).toEqual(first)
    expect(first[2]).toBe(CAPTION)
    expect(new Set([...first, ...(await texts(1, [0, 1]))]).size).toBe(5)
    expect(first[0]?.split(", ").sort()).toEqual(CAPTION.split(", "))
  })

  it("follow the epoch and the step", async () => {
    const { feed } = await prepared({ dropoutEveryNEpochs: 2, warmupSteps: 10, warmupMin: 1 })
    const at = async (epoch: number, step: number): Promise<string | undefined> =>
      (await feed.rows(0, [0], { epoch, step, steps: 100 })).map(textOf)[0]
    expect([await at(1, 0), await at(1, 4), await at(3, 10), await at(2, 10)]).toEqual(["a", "a, b, c", CAPTION, ""])
  })

  it("are encoded before training where many steps read one text", async () => {
    const { feed, texts } = await prepared({ dropoutRate: 0.5 })
    expect(texts).toEqual([CAPTION, ""])
    const rows = await Promise.all(Array.from({ length: 20 }, (_, batch) => feed.rows(batch, [0, 1], MOMENT)))
    expect(new Set(rows.flat().map(textOf))).toEqual(new Set([CAPTION, ""]))
    expect(rows.flat().every(({ text }) => "context" in text)).toBe(true)
  })

  it("are not encoded before training where each step reads another text", async () => {
    const { feed, texts, measured } = await prepared({ shuffle: true })
    // Only the caption that stays.
    expect(texts).toEqual([CAPTION])
    expect(measured).toEqual([CAPTION, CAPTION, CAPTION])
    const [row] = await feed.rows(0, [0], MOMENT)
    expect(row?.text).toHaveProperty("caption")
    expect(row?.picture).toHaveProperty("latents")
  })

  it("are encoded before training without their pictures, where they are known", async () => {
    const { encode, texts } = encoder()
    const read: number[] = []
    const varying: TrainDataset = {
      ...dataset({ dropoutRate: 0.5 }),
      captionOf: (index) => `stays ${index}`,
      augmentation: () => ({ flips: false, varies: true }),
      sizes: [picture, picture, picture],
    }
    const example = async (index: number) => {
      read.push(index)
      return { ...(await varying.example(index)), caption: `stays ${index}` }
    }
    const feed = createExampleFeed({ ...varying, example }, { seed: 5, keptBytes: 1e9 })
    for (let index = 0; index < 3; index++) await feed.prepare(index, encode)
    expect(texts).toEqual([CAPTION, "", "stays 2"])
    expect(read).toEqual([])
    const [, , row] = await feed.rows(0, [0, 1, 2], MOMENT)
    expect(row?.text).toHaveProperty("context")
    expect(row === undefined ? null : textOf(row)).toBe("stays 2")
  })

  it("are not encoded before training beyond the room for them", async () => {
    const { encode, texts } = encoder()
    const many: TrainDataset = {
      ...{ ...dataset({}, 9), changingCaption: () => null, captionOf: (index) => `stays ${index}` },
      augmentation: () => ({ flips: false, varies: true }),
      sizes: Array.from({ length: 9 }, () => picture),
    }
    const feed = createExampleFeed(many, { seed: 5, keptBytes: 70 })
    for (let index = 0; index < 9; index++) await feed.prepare(index, encode)
    // Two fit, and the third shows that there is no room.
    expect(texts).toEqual(["stays 0", "stays 1", "stays 2"])
  })

  it("that have no room are counted, and encoded in their step", async () => {
    const { encode } = encoder()
    const same = { ...dataset({}, 3), changingCaption: () => null, captionOf: () => CAPTION }
    const other = { ...same, captionOf: (index: number) => (index === 1 ? "another" : CAPTION) }
    const room = 4 * CAPTION.length + 4
    const feed = createExampleFeed(other, { seed: 5, keptBytes: room })
    for (let index = 0; index < 3; index++) await feed.prepare(index, encode)
    const [, notice] = feed.notices()
    expect(notice).toMatch(/^The captions of 1 of 3 pictures do not fit into the .* GiB of memory/)
    expect((await feed.rows(0, [0], MOMENT))[0]?.text).toHaveProperty("context")
  })

  it("are measured by their longest text", async () => {
    const set = {
      ...dataset({ wildcard: true }),
      changingCaption: () => ({ caption: "{a|long}", rules: { wildcard: true } }),
    }
    const { encode, measured } = encoder()
    const feed = createExampleFeed(set, { seed: 5, keptBytes: 0 })
    expect(await createExampleFeed(set, { seed: 5, keptBytes: 1e9 }).prepare(0, encode)).toBe("0.png")
    expect(measured).toEqual(["long"])
    await feed.prepare(0, encode)
    expect(["a", "long"]).toContain(textOf((await feed.rows(0, [0], MOMENT))[0] as ExampleRow))
  })
})

/** A store of texts in memory, with what was asked of it. */
function store(texts = new Map<number, EncodedText>()): { readonly texts: TextStore; readonly written: string[] } {
  const written: string[] = []
  return {
    written,
    texts: {
      has: async (index) => texts.has(index),
      read: async (index) => texts.get(index) ?? null,
      write: async (index, text) => {
        written.push(String.fromCharCode(...text.context))
        texts.set(index, text)
      },
    },
  }
}

const stored = (text: string): EncodedText => ({
  context: Float32Array.from(text, (sign) => sign.charCodeAt(0)),
  pooled: new Float32Array(1),
})

describe("captions that a data set keeps", () => {
  const plain: TrainDataset = { ...dataset({}, 3), changingCaption: () => null }

  it("are encoded unless they are there, and read for each step", async () => {
    const { texts, written } = store(new Map([[1, stored("from a file")]]))
    const { encode, texts: encoded } = encoder()
    const set = { ...plain, texts, captionOf: (index: number) => `caption ${index}` }
    const feed = createExampleFeed(set, { seed: 5, keptBytes: 0 })
    for (let index = 0; index < 3; index++) await feed.prepare(index, encode)
    expect(encoded).toEqual(["caption 0", "caption 2"])
    expect(written).toEqual(["caption 0", "caption 2"])
    const rows = await feed.rows(0, [0, 1, 2], MOMENT)
    expect(rows.map(textOf)).toEqual(["caption 0", "from a file", "caption 2"])
    expect(rows.every(({ text }) => "context" in text)).toBe(true)
    // There is no room for latents, and texts need none.
    expect(feed.notices()).toHaveLength(1)
  })

  it("come from the example where they are not known without it", async () => {
    const { texts, written } = store()
    const { encode } = encoder()
    const feed = createExampleFeed({ ...plain, texts }, { seed: 5, keptBytes: 1e9 })
    await feed.prepare(0, encode)
    expect(written).toEqual([CAPTION])
  })

  it("are encoded in their step after their file is lost", async () => {
    const kept = new Map<number, EncodedText>()
    const { texts } = store(kept)
    const { encode } = encoder()
    const feed = createExampleFeed({ ...plain, texts, captionOf: () => CAPTION }, { seed: 5, keptBytes: 1e9 })
    for (let index = 0; index < 3; index++) await feed.prepare(index, encode)
    kept.delete(1)
    const rows = await feed.rows(0, [0, 1], MOMENT)
    expect(rows.map(({ text }) => "caption" in text)).toEqual([false, true])
    expect(rows.map(textOf)).toEqual([CAPTION, CAPTION])
  })

  it("are not asked for where captions change", async () => {
    const { texts, written } = store()
    const { encode } = encoder()
    const set = { ...dataset({ shuffle: true }), texts }
    const feed = createExampleFeed(set, { seed: 5, keptBytes: 1e9 })
    for (let index = 0; index < 3; index++) await feed.prepare(index, encode)
    expect(written).toEqual([CAPTION])
    const [drawn] = await feed.rows(0, [0], MOMENT)
    expect(drawn?.text).toHaveProperty("caption")
  })
})
