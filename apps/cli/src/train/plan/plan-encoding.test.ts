import { expect, it } from "vitest"
import type { TrainingSet } from "../validation/hold-out.ts"
import { planEncoding } from "./plan-encoding.ts"
import { setOf } from "./set-of.test-help.ts"

const plan = (dataset: TrainingSet, more: { readonly readsControlLatents?: boolean } = {}) =>
  planEncoding(dataset, { seed: 1, readsControlLatents: false, signal: new AbortController().signal, ...more })

const NOTHING = { texts: 0, pictures: 0 }

it("counts each caption once, however many pairs have it, and each picture", async () => {
  expect(await plan(setOf(100))).toEqual({ before: { texts: 100, pictures: 100 }, perRow: NOTHING })
  const shared = setOf(100, { captionOf: (index) => (index % 2 === 0 ? "one" : "two") })
  expect((await plan(shared)).before).toEqual({ texts: 2, pictures: 100 })
  // Pairs that an epoch shows twice.
  const repeated = setOf(100, { original: (index) => index % 50 })
  expect((await plan(repeated)).before).toEqual({ texts: 50, pictures: 50 })
})

it("counts a picture for each way that it is shown, its control's latents, and a small one by its pixels", async () => {
  const flips = setOf(100, { augmentation: () => ({ flips: true, varies: false }) })
  expect((await plan(flips)).before.pictures).toBe(200)
  expect((await plan(flips, { readsControlLatents: true })).before.pictures).toBe(400)
  const [large, small] = [
    { width: 1024, height: 1024 },
    { width: 512, height: 512 },
  ]
  expect((await plan(setOf(2, { sizes: [large, small] }))).before.pictures).toBe(1.25)
})

it("leaves out what is in files", async () => {
  const never = () => Promise.reject(new Error("nothing is read or written"))
  const has = async (index: number) => index < 30
  const stores = { latents: { has, read: never, write: never }, texts: { has, read: never, write: never } }
  const found = setOf(100, stores)
  expect(await plan(found)).toEqual({ before: { texts: 70, pictures: 70 }, perRow: NOTHING })
  // Latents of controls are in no file.
  expect((await plan(found, { readsControlLatents: true })).before.pictures).toBe(170)
})

it("counts in the steps what varies, what is streamed, and captions that change", async () => {
  const half = (index: number): boolean => index % 2 === 0
  const varied = setOf(100, { augmentation: (index) => ({ flips: false, varies: half(index) }) })
  expect(await plan(varied)).toEqual({ before: { texts: 100, pictures: 50 }, perRow: { texts: 0, pictures: 0.5 } })
  expect((await plan(varied, { readsControlLatents: true })).perRow.pictures).toBe(1)
  const streamed = await plan(setOf(100, { isStreamed: half }))
  expect(streamed).toEqual({ before: { texts: 50, pictures: 50 }, perRow: { texts: 0.5, pictures: 0.5 } })
  const changing = (rules: object) => plan(setOf(100, { changingCaption: () => ({ caption: "a, b", rules }) }))
  // The empty caption of dropout is encoded once. All others are shuffled.
  expect(await changing({ shuffle: true, dropoutRate: 0.1 })).toEqual({
    before: { texts: 1, pictures: 100 },
    perRow: { texts: 1, pictures: 0 },
  })
  expect((await changing({ dropoutRate: 0.1 })).before.texts).toBe(2)
  expect((await changing({ dropoutRate: 0.1 })).perRow.texts).toBe(0)
})

it("stops between two examples", async () => {
  const stop = new AbortController()
  stop.abort(new Error("stopped"))
  const options = { seed: 1, readsControlLatents: false, signal: stop.signal }
  await expect(planEncoding(setOf(2), options)).rejects.toThrow("stopped")
})
