import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { startWasm } from "../../../test/wasm.ts"
import { checkDeepCache } from "./deep-cache.ts"
import type { Shrink } from "./deep-shrink.ts"
import { createFeatureCache, type FeatureCache, outliving, skippedStages } from "./feature-cache.ts"
import type { UnetBlock, UnetParams } from "./params.ts"
import { checkResiduals } from "./unet.ts"
import { inputOf, placesRead, sizedLike, unetStages } from "./walk.ts"

const block = (name: UnetBlock["name"]): UnetBlock => ({ name, parts: [] })
const blocks = (side: "input" | "output"): readonly UnetBlock[] => [0, 1, 2].map((i) => block(`${side} ${i}`))

/** SDXL has nine blocks on each side. Three show the order. */
const STAGES = unetStages({
  inputBlocks: blocks("input"),
  middle: block("middle"),
  outputBlocks: blocks("output"),
} as unknown as UnetParams)

const NO_RESIDUALS = { skips: [null, null, null], middle: null }

beforeAll(async () => {
  await startWasm()
})

describe("the walk through a U-Net", () => {
  /** Every place has one pixel, whose value is a power of two. So a sum tells its terms. */
  const pixel = (power: number): tf.Tensor4D => tf.tensor4d([2 ** power], [1, 1, 1, 1])
  let places: readonly tf.Tensor4D[]
  let residuals: { readonly skips: readonly tf.Tensor4D[]; readonly middle: tf.Tensor4D }
  beforeAll(() => {
    places = Array.from({ length: 7 }, (_, i) => pixel(i))
    residuals = { skips: [10, 11, 12].map(pixel), middle: pixel(13) }
  })
  afterAll(() => tf.dispose([...places, ...residuals.skips, residuals.middle]))

  it("goes down, through the middle and up, where the last output of the way down comes first", () => {
    expect(STAGES.map((stage) => stage.block.name)).toEqual([
      ...["input 0", "input 1", "input 2", "middle", "output 0", "output 1", "output 2"],
    ])
    expect(STAGES.map(({ skip }) => skip)).toEqual([null, null, null, null, 2, 1, 0])
    // Place 0 holds the latents, so a stage's output is one place further on.
    expect([0, 3, 4, 6].map((index) => placesRead(STAGES, index))).toEqual([
      { x: 0, skip: null },
      { x: 3, skip: null },
      { x: 4, skip: 3 },
      { x: 6, skip: 1 },
    ])
  })

  it("adds residuals to what the way up reads, and that of the middle once", () => {
    const readBy = (index: number): readonly (number | undefined)[] => {
      let read: readonly (number | undefined)[] = []
      tf.tidy(() => {
        const { x, skip } = inputOf(STAGES, index, { places, residuals })
        read = [x.dataSync()[0], skip?.dataSync()[0]]
      })
      return read
    }
    expect([0, 3, 4, 5, 6].map(readBy)).toEqual([
      [1, undefined],
      [2 ** 3, undefined],
      [2 ** 4 + 2 ** 13, 2 ** 3 + 2 ** 12],
      [2 ** 5, 2 ** 2 + 2 ** 11],
      [2 ** 6, 2 + 2 ** 10],
    ])
    const plain = inputOf(STAGES, 4, { places, residuals: NO_RESIDUALS })
    expect([plain.x, plain.skip]).toEqual([places[4], places[3]])
  })

  it("is refused where a place has no tensor yet", () => {
    expect(() => inputOf(STAGES, 4, { places: places.slice(0, 4), residuals: null })).toThrow(
      "stage 4 reads place 4, which is not set",
    )
    const freed = places.map((place, i) => (i === 3 ? null : place))
    expect(() => inputOf(STAGES, 4, { places: freed, residuals: null })).toThrow("stage 4 reads place 3")
  })

  it("takes as many residuals as there are skips", () => {
    expect(() => checkResiduals(STAGES, residuals)).not.toThrow()
    expect(() => checkResiduals(STAGES, null)).not.toThrow()
    expect(() => checkResiduals(STAGES, { skips: residuals.skips.slice(1), middle: null })).toThrow(
      "2 residuals for the skips, expected 3",
    )
  })
})

describe("sizes on the walk", () => {
  const wide = (height: number, width: number): tf.Tensor4D => tf.ones([1, height, width, 2])

  it("shrink before one stage, by pixels at the factor's distance", () => {
    tf.tidy(() => {
      // Five rows that rise by one, and three columns of one value.
      const features = tf.tensor4d(
        Array.from({ length: 15 }, (_, i) => Math.floor(i / 3)),
        [1, 5, 3, 1],
      )
      const places = [features, features, features]
      const at = (index: number, ratio: number): tf.Tensor4D =>
        inputOf(STAGES, index, { places, residuals: null, shrink: { depth: 1, ratio } }).x
      expect(at(0, 0.5)).toBe(features)
      expect(at(2, 0.5)).toBe(features)
      const small = at(1, 0.5)
      // Halves of the sides, without the rest.
      expect(small.shape).toEqual([1, 2, 1, 1])
      // Between pixels, Keys' kernel has the shares -3/32, 19/32, 19/32 and -3/32. The first pixel stands for that
      // before it. The second centre is at 2.5, however many rows are left over.
      const [first, second] = small.dataSync<"float32">()
      expect(first).toBeCloseTo(19 / 32 - 6 / 32, 6)
      expect(second).toBeCloseTo(2.5, 6)
      expect(at(1, 0.1).shape).toEqual([1, 1, 1, 1])
    })
  })

  it("are the skip's on the way up, and a residual takes those of what it is added to", () => {
    tf.tidy(() => {
      const places = [wide(4, 6), wide(4, 6), wide(2, 3), wide(1, 2), wide(1, 2)]
      const middle = wide(2, 3)
      const { x, skip } = inputOf(STAGES, 4, { places, residuals: { skips: [null, null, wide(4, 6)], middle } })
      expect([x.shape, skip?.shape]).toEqual([
        [1, 1, 2, 2],
        [1, 1, 2, 2],
      ])
      expect([...x.dataSync<"float32">(), ...(skip?.dataSync<"float32">() ?? [])].map(Math.round)).toEqual(
        Array(8).fill(2),
      )
      const grown = inputOf(STAGES, 5, { places: [...places, wide(1, 2)], residuals: null })
      expect(grown.x.shape).toEqual([1, 2, 3, 2])
    })
  })

  it("stay where both are equal, and change where one is not", () => {
    tf.tidy(() => {
      const features = wide(4, 6)
      expect(sizedLike(features, wide(4, 6))).toBe(features)
      expect(sizedLike(features, wide(4, 5)).shape).toEqual([1, 4, 5, 2])
      expect(sizedLike(features, wide(3, 6)).shape).toEqual([1, 3, 6, 2])
    })
  })
})

describe("a cache of deep features", () => {
  const SMALL = { depth: 3, ratio: 0.5 }
  /** Begins a pass. Returns whether it is full. */
  const isFull = (
    cache: FeatureCache,
    shape: readonly [number, number, number],
    shrink: Shrink | null = null,
  ): boolean => {
    const latents = tf.zeros<tf.Rank.R4>([...shape, 4])
    const kept = cache.begin(latents, shrink)
    latents.dispose()
    return kept === null
  }

  it.each([
    [1, "fff fff"],
    [2, "fkf kfk"],
    [3, "fkk fkk"],
  ])("has one full pass in %d", (interval, wanted) => {
    const cache = createFeatureCache({ interval })
    const passes = Array.from({ length: 6 }, () => {
      if (!isFull(cache, [1, 2, 3])) return "k"
      cache.keep(tf.zeros([1, 1, 1, 1]))
      return "f"
    })
    cache.dispose()
    expect(passes.join("")).toBe(wanted.replace(" ", ""))
  })

  it("is empty after a pass with other rows, sides or features, and disposes what it held", () => {
    const before = tf.memory().numTensors
    const cache = createFeatureCache({ interval: 100 })
    const keep = (): void => cache.keep(tf.zeros([1, 1, 1, 1]))
    for (const sizes of [
      [1, 2, 3],
      [2, 2, 3],
      [2, 3, 3],
      [2, 3, 4],
    ] as const) {
      expect(isFull(cache, sizes)).toBe(true)
      expect(tf.memory().numTensors).toBe(before)
      keep()
      expect(isFull(cache, sizes)).toBe(false)
    }
    expect(isFull(cache, [2, 3, 4], SMALL)).toBe(true)
    keep()
    expect(isFull(cache, [2, 3, 4], { ...SMALL })).toBe(false)
    // What is kept twice is held once.
    keep()
    expect(tf.memory().numTensors).toBe(before + 1)
    cache.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  it("leaves out the stages between its depth and as many at the end", () => {
    // SDXL has 19 stages: nine input blocks, the middle and nine output blocks.
    expect(skippedStages(9, 3)).toEqual({ first: 3, end: 16 })
    expect(skippedStages(9, 9)).toEqual({ first: 9, end: 10 })
    expect(skippedStages(9, 12)).toEqual({ first: 9, end: 10 })
    expect([createFeatureCache({ interval: 2 }).depth, createFeatureCache({ interval: 2, depth: 1 }).depth]).toEqual([
      3, 1,
    ])
  })

  it("holds copies that outlive their scope", () => {
    const copy = tf.tidy(() => outliving(tf.tensor4d([7], [1, 1, 1, 1])))
    expect([...copy.dataSync()]).toEqual([7])
    copy.dispose()
  })

  it.each([{ interval: 1 }, { interval: 1000, depth: 9 }, { interval: 2, depth: 1 }])("takes %j", (settings) => {
    expect(() => checkDeepCache(settings)).not.toThrow()
  })

  it.each([
    [{ interval: 0 }, "deepCache: interval is 0"],
    [{ interval: 1001 }, "deepCache: interval is 1001"],
    [{ interval: 1.5 }, "deepCache: interval is 1.5"],
    [{ interval: 2, depth: 0 }, "deepCache: depth is 0"],
    [{ interval: 2, depth: 10 }, "deepCache: depth is 10"],
    [{ interval: 2, depth: 2.5 }, "deepCache: depth is 2.5"],
  ])("refuses %j", (settings, message) => {
    expect(() => checkDeepCache(settings)).toThrow(message)
  })
})
