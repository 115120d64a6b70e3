import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { createSyntheticSdxl, SMALL_UNET } from "../../test/synthetic-sdxl.ts"
import { startWasm } from "../../test/wasm.ts"
import { sizeEmbedding } from "../diffusion/size-embedding.ts"
import type { Sdxl } from "../models/sdxl.ts"
import type { Tap } from "../models/taps.ts"
import { encodePrompts } from "../models/text.ts"
import { type ConditionOptions, type Conditions, chunksNeeded, encodeConditions } from "./conditions.ts"

const SIZE = { original: [300, 500], crop: [7, 9], target: [64, 96] } as const
const NEGATIVE_SIZE = { original: [200, 100], crop: [1, 2], target: [32, 48] } as const
/** The widths of the first encoder's part of the context, and of the pooled text. */
const [FIRST, POOLED] = [8, 8]
const WIDTH = SMALL_UNET.contextDim

describe("the conditions of a batch", () => {
  let sdxl: Sdxl
  beforeAll(async () => {
    sdxl = await createSyntheticSdxl(await startWasm())
  })
  afterAll(() => sdxl.dispose())

  /** A text alone, by the encoding of captions. */
  async function alone(text: string): Promise<{ readonly context: Float32Array; readonly pooled: Float32Array }> {
    const { context, pooled } = encodePrompts(sdxl.ops, sdxl, [text])
    const values = { context: await context.data<"float32">(), pooled: await pooled.data<"float32">() }
    tf.dispose([context, pooled])
    return values
  }

  const close = (got: ArrayLike<number>, wanted: ArrayLike<number>): void => {
    expect(got).toHaveLength(wanted.length)
    const off = Array.from(got, (value, i) => Math.abs(value - (wanted[i] ?? Number.NaN)))
    expect(Math.max(...off)).toBeLessThan(1e-4)
  }

  /** Expects rows of these texts, each with the pooled text and the size of its own. */
  async function expectRows(
    { context, vector }: Pick<Conditions, "context" | "vector">,
    rows: readonly {
      text: string
      first?: string
      pooledOf?: string
      size?: ConditionOptions["size"]
      factor?: number
    }[],
  ): Promise<void> {
    expect(context.shape).toEqual([rows.length, 77, WIDTH])
    const [contexts, vectors] = [await context.data(), await vector.data()]
    const [length, width] = [77 * WIDTH, vectors.length / rows.length]
    for (const [i, { text, first = text, pooledOf = text, size = SIZE, factor = 1 }] of rows.entries()) {
      const [both, one] = [await alone(text), await alone(first)]
      const wanted = both.context.map((value, at) => factor * (at % WIDTH < FIRST ? (one.context[at] ?? 0) : value))
      close(contexts.subarray(i * length, (i + 1) * length), wanted)
      const own = vectors.subarray(i * width, (i + 1) * width)
      close(
        own.subarray(0, POOLED),
        (await alone(pooledOf)).pooled.map((value) => factor * value),
      )
      close(own.subarray(POOLED), sizeEmbedding(size))
    }
  }

  const REQUESTS = [
    { prompt: "a red star", negativePrompt: "a ring", firstPrompt: "two moons" },
    { prompt: "a blue square", firstNegativePrompt: "fog" },
  ]

  it("are the negative prompts, then the prompts, with a text of the first encoder's own and their sizes", async () => {
    const before = tf.memory().numTensors
    const conditions = encodeConditions(sdxl, REQUESTS, { guided: true, size: SIZE, negativeSize: NEGATIVE_SIZE })
    expect(conditions).toMatchObject({ pictures: 2, guided: true, further: [], empty: null, parts: null })
    expect(conditions.weights).toEqual([[1, 1]])
    await expectRows(conditions, [
      { text: "a ring", size: NEGATIVE_SIZE },
      { text: "", first: "fog", size: NEGATIVE_SIZE },
      { text: "a red star", first: "two moons" },
      { text: "a blue square" },
    ])
    conditions.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  it("are the prompts alone without guidance", async () => {
    const conditions = encodeConditions(sdxl, REQUESTS, { guided: false, fromEmpty: true, size: SIZE })
    expect(conditions).toMatchObject({ guided: false, empty: null })
    await expectRows(conditions, [{ text: "a red star", first: "two moons" }, { text: "a blue square" }])
    conditions.dispose()
  })

  it("have the empty prompt beside them, where guidance begins there", async () => {
    const before = tf.memory().numTensors
    const conditions = encodeConditions(sdxl, [REQUESTS[1] ?? { prompt: "" }], {
      ...{ guided: true, fromEmpty: true, size: SIZE, negativeSize: NEGATIVE_SIZE },
    })
    await expectRows(conditions.empty as NonNullable<Conditions["empty"]>, [{ text: "", size: NEGATIVE_SIZE }])
    await expectRows(conditions, [{ text: "", first: "fog", size: NEGATIVE_SIZE }, { text: "a blue square" }])
    conditions.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  const COMPOSED = [{ prompt: "a star AND a moon :0.5 AND fog :2" }, { prompt: "a ring :3 AND a square" }]

  it("have a row for every picture in each further part, which weighs nothing where a picture has none", async () => {
    const before = tf.memory().numTensors
    const conditions = encodeConditions(sdxl, COMPOSED, { guided: true, size: SIZE })
    expect(conditions.weights).toEqual([
      [1, 3],
      [0.5, 1],
      [2, 0],
    ])
    await expectRows(conditions, [{ text: "" }, { text: "" }, { text: "a star" }, { text: "a ring" }])
    const [second, third] = conditions.further as [
      Pick<Conditions, "context" | "vector">,
      Pick<Conditions, "context" | "vector">,
    ]
    await expectRows(second, [{ text: "a moon" }, { text: "a square" }])
    await expectRows(third, [{ text: "fog" }, { text: "" }])
    conditions.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  const NEGATIVES = [
    { prompt: "a star AND a moon", negativePrompt: "fog AND rain", firstNegativePrompt: "haze" },
    { prompt: "a ring AND a square", negativePrompt: "snow AND hail" },
  ]

  it("have the parts of the negative prompts apart, each with its own factor, beside the empty prompt", async () => {
    const before = tf.memory().numTensors
    for (const fromEmpty of [true, false]) {
      const conditions = encodeConditions(sdxl, NEGATIVES, {
        ...{ guided: true, fromEmpty, size: SIZE, negativeSize: NEGATIVE_SIZE },
        parts: [{ textWeight: 0.5 }, { textWeight: 2 }],
        negativeParts: [{ textWeight: 3 }, { textWeight: 0.25 }],
      })
      const [empty, rain] = [conditions.empty, conditions.furtherNegatives[0]]
      expect([conditions.furtherNegatives.length, conditions.further.length]).toEqual([1, 1])
      expect(empty === null).toBe(!fromEmpty)
      if (empty !== null)
        await expectRows(empty, [
          { text: "", size: NEGATIVE_SIZE },
          { text: "", size: NEGATIVE_SIZE },
        ])
      await expectRows(rain as Pick<Conditions, "context" | "vector">, [
        { text: "rain", size: NEGATIVE_SIZE, factor: 0.25 },
        { text: "hail", size: NEGATIVE_SIZE, factor: 0.25 },
      ])
      await expectRows(conditions, [
        { text: "fog", first: "haze", size: NEGATIVE_SIZE, factor: 3 },
        { text: "snow", size: NEGATIVE_SIZE, factor: 3 },
        { text: "a star", factor: 0.5 },
        { text: "a ring", factor: 0.5 },
      ])
      await expectRows(conditions.further[0] as Pick<Conditions, "context" | "vector">, [
        { text: "a moon", factor: 2 },
        { text: "a square", factor: 2 },
      ])
      conditions.dispose()
    }
    expect(tf.memory().numTensors).toBe(before)
  })

  it("have the negative prompt's parts and the empty prompt where parts act in regions, too", async () => {
    const before = tf.memory().numTensors
    const none: Tap = { has: () => false }
    const conditions = encodeConditions(sdxl, NEGATIVES, {
      ...{ guided: true, fromEmpty: true, size: SIZE, partTaps: [none, none], negativeParts: [{}, {}] },
    })
    await expectRows(conditions.empty as NonNullable<Conditions["empty"]>, [{ text: "" }, { text: "" }])
    await expectRows(conditions.furtherNegatives[0] as Pick<Conditions, "context" | "vector">, [
      { text: "rain" },
      { text: "hail" },
    ])
    await expectRows(conditions, [
      ...[{ text: "fog", first: "haze" }, { text: "snow" }],
      ...[{ text: "a moon" }, { text: "a square" }],
    ])
    expect(conditions.weights).toEqual([
      [1, 1],
      [1, 1],
    ])
    conditions.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  it("read a negative prompt with AND as one text where its parts are not asked for", async () => {
    const conditions = encodeConditions(sdxl, NEGATIVES.slice(1), { guided: true, size: SIZE })
    expect(conditions.furtherNegatives).toEqual([])
    await expectRows(conditions, [{ text: "snow AND hail" }, { text: "a ring" }])
    conditions.dispose()
  })

  it("read each picture's last pooled text in all of its parts, as sd-scripts does", async () => {
    const prompts = { compat: "sd-scripts" } as const
    const conditions = encodeConditions(sdxl, COMPOSED, { guided: true, size: SIZE, prompts })
    await expectRows(conditions, [
      ...[{ text: "" }, { text: "" }],
      ...[
        { text: "a star", pooledOf: "fog" },
        { text: "a ring", pooledOf: "a square" },
      ],
    ])
    await expectRows(conditions.further[0] as Pick<Conditions, "context" | "vector">, [
      { text: "a moon", pooledOf: "fog" },
      { text: "a square", pooledOf: "a square" },
    ])
    conditions.dispose()
  })

  it("have each part's text where parts act in regions, and one context with the last of them", async () => {
    const before = tf.memory().numTensors
    const none: Tap = { has: () => false }
    for (const guided of [true, false]) {
      const conditions = encodeConditions(sdxl, COMPOSED, { guided, size: SIZE, partTaps: [none, none, none, none] })
      expect(conditions.further).toEqual([])
      const { vector, parts } = conditions
      const negatives = guided ? [{ text: "" }, { text: "" }] : []
      // Each picture's own last part gives the pooled text. A picture without a third part has an empty one.
      await expectRows({ context: conditions.context, vector }, [
        ...negatives,
        { text: "fog", pooledOf: "fog" },
        { text: "", pooledOf: "a square" },
      ])
      const texts = [
        ["a star", "a ring"],
        ["a moon", "a square"],
        ["fog", ""],
      ]
      expect(parts).toHaveLength(3)
      for (const [i, context] of (parts ?? []).entries()) {
        const wanted = await Promise.all((texts[i] ?? []).map(alone))
        close(
          await context.data(),
          wanted.flatMap((one) => [...one.context]),
        )
      }
      conditions.dispose()
    }
    expect(tf.memory().numTensors).toBe(before)
  })

  it("read each part through its own tap, and all texts through the common one", async () => {
    const seen: string[] = []
    const watching = (name: string): Tap => ({
      has: () => true,
      before: (layers, x) => {
        seen.push(name)
        return layers.map(() => tf.clone(x))
      },
    })
    encodeConditions(sdxl, [{ prompt: "a AND b" }], { guided: false, size: SIZE, tap: watching("alone") }).dispose()
    encodeConditions(sdxl, [{ prompt: "a AND b" }], {
      ...{ guided: false, size: SIZE, tap: watching("all"), partTaps: [watching("first"), watching("second")] },
    }).dispose()
    const count = (name: string): number => seen.filter((one) => one === name).length
    expect(count("first")).toBeGreaterThan(0)
    expect(count("second")).toBe(count("first"))
    // Once for all texts, and once more for each part.
    expect(count("all")).toBe(3 * count("alone"))
  })

  it("need as many chunks of tokens as the longest of their texts", () => {
    const long = (words: number): string => Array.from({ length: words }, () => "star").join(" ")
    const needed = (request: Parameters<typeof chunksNeeded>[1], guided = true): number =>
      chunksNeeded(sdxl.tokenizer, request, { guided, prompts: {} })
    expect(needed({ prompt: "a" })).toBe(1)
    expect(needed({ prompt: long(75) })).toBe(1)
    expect(needed({ prompt: long(76) })).toBe(2)
    expect(needed({ prompt: `a AND ${long(151)}` })).toBe(3)
    expect(needed({ prompt: "a", firstPrompt: long(80) })).toBe(2)
    expect(needed({ prompt: "a", negativePrompt: long(80) })).toBe(2)
    expect(needed({ prompt: "a", firstNegativePrompt: long(160) })).toBe(3)
    expect(needed({ prompt: long(80), negativePrompt: long(160) }, false)).toBe(2)
    const composed = { prompt: "a", negativePrompt: `${long(70)} AND ${long(70)}` }
    expect(chunksNeeded(sdxl.tokenizer, composed, { guided: true })).toBe(2)
    expect(chunksNeeded(sdxl.tokenizer, composed, { guided: true, negativeParts: [{}, {}] })).toBe(1)
  })
})
