import { expect, it } from "vitest"
import type { TrainingSet } from "../validation/hold-out.ts"
import { drawnPictures } from "./drawn-pictures.ts"
import { planExamples } from "./plan-examples.ts"
import { setOf } from "./set-of.test-help.ts"

const WIDTHS = { contextDim: 2048, pooledDim: 1280 }
/** An encoded caption of SDXL. */
const TEXT = 4 * (77 * 2048 + 1280)
const [LATENTS, CONTROL] = [4 * 4 * 128 * 128, 3 * 1024 * 1024]
const MEMO = 128 * 2 ** 20
const VALIDATION = {
  ...{ seed: 1, every: { steps: 5 }, mostPairs: null, pictures: 4 },
  drawing: { steps: 20, guidanceScale: 7.5 },
}
const NOTHING = {
  ...{ captionChunks: 1, cacheLatentsToDisk: false, cacheTextEncoderOutputsToDisk: false },
  validation: VALIDATION,
}

it("counts latents, controls and each caption once in memory, up to the most", () => {
  const plan = (dataset: TrainingSet, most = 1e12) => planExamples(dataset, NOTHING, WIDTHS, most)
  expect(plan(setOf(100))).toEqual({ memory: 100 * (LATENTS + CONTROL + TEXT) + MEMO, disk: 0 })
  expect(plan(setOf(100, { captionOf: () => "one" })).memory).toBe(100 * (LATENTS + CONTROL) + TEXT + MEMO)
  expect(plan(setOf(100, { original: (index) => index % 50 })).memory).toBe(50 * (LATENTS + CONTROL + TEXT) + MEMO)
  const flips = setOf(100, { augmentation: () => ({ flips: true, varies: false }) })
  expect(plan(flips).memory).toBe(100 * (2 * (LATENTS + CONTROL) + TEXT) + MEMO)
  expect(plan(setOf(100, { augmentation: () => ({ flips: false, varies: true }) })).memory).toBe(100 * TEXT + MEMO)
  expect(plan(setOf(1_000_000, { captionOf: () => "one" }), 2e9).memory).toBe(2e9 + MEMO)
})

it("counts what is in files on the disk, and not in memory", () => {
  const plan = (more: object) => planExamples(setOf(100), { ...NOTHING, ...more }, WIDTHS, 1e12)
  expect(plan({ cacheLatentsToDisk: true })).toEqual({ memory: 100 * TEXT + MEMO, disk: 100 * LATENTS })
  expect(plan({ cacheTextEncoderOutputsToDisk: true })).toEqual({
    memory: 100 * (LATENTS + CONTROL) + MEMO,
    disk: 100 * TEXT,
  })
  const both = plan({ cacheLatentsToDisk: true, cacheTextEncoderOutputsToDisk: true, captionChunks: 2 })
  expect(both).toEqual({ memory: MEMO, disk: 100 * (LATENTS + 4 * (152 * 2048 + 1280)) })
})

it("counts latents of controls, which are in no file", () => {
  const plan = (more: object) =>
    planExamples(setOf(100), { ...NOTHING, ...more, readsControlLatents: true }, WIDTHS, 1e12)
  expect(plan({}).memory).toBe(100 * (2 * LATENTS + CONTROL + TEXT) + MEMO)
  expect(plan({ cacheLatentsToDisk: true }).memory).toBe(100 * (LATENTS + TEXT) + MEMO)
})

it("counts held-out pairs that are measured, and the pictures that are drawn", async () => {
  const dataset = setOf(100, { heldOut: { count: 10, example: setOf(1).example } })
  const memory = (mostPairs: number | null) =>
    planExamples(dataset, { ...NOTHING, validation: { ...VALIDATION, mostPairs } }, WIDTHS, 0).memory - MEMO
  expect(memory(null)).toBe(10 * (LATENTS + CONTROL + TEXT))
  expect(memory(3)).toBe(3 * (LATENTS + CONTROL + TEXT))
  const plan = { steps: 12, perEpoch: 4 }
  const drawn = (set: TrainingSet) => drawnPictures({ samples: null, validation: VALIDATION, seed: 1 }, set, plan)
  // Once without the LLLite, after steps 5 and 10, and at the end.
  expect(await drawn(dataset)).toBe(4 * 4)
  expect(await drawn(setOf(100))).toBe(0)
})
