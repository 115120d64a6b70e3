import { type NetworkLayer, SDXL_LAYOUT, unetTable } from "@lllite/format"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, describe, expect, it } from "vitest"
import { startWasm } from "../../test/wasm.ts"
import {
  chainTaps,
  NO_READS,
  NO_TAP,
  runTapped,
  sumTaps,
  type Tap,
  tapAtLayers,
  tapReads,
  UNKNOWN_PASS,
} from "./taps.ts"

const [first, second, third] = unetTable(SDXL_LAYOUT).layers as unknown as [NetworkLayer, NetworkLayer, NetworkLayer]
const LAYERS = [first, second, third]
const PLACE = { ...UNKNOWN_PASS, grid: { height: 1, width: 2 } } as unknown as Parameters<typeof runTapped>[3]

/** Adds before a layer, and multiplies after it. */
const tap = (added: number, factor: number, has: Tap["has"] = () => true): Tap => ({
  has,
  before: (layers, x) => layers.map(() => tf.add(x, added)),
  after: (_layers, _xs, ys) => ys.map((y) => tf.mul(y, factor)),
})

/** The outputs of layers that multiply by 10, 100 and 1000. x is 1. */
const outputsOf = (own: Tap, layers = LAYERS): readonly number[] =>
  runTapped(own, layers, tf.scalar(1), PLACE, (i, x) => tf.mul(x, 10 ** (i + 1))).map((y) => y.dataSync()[0] as number)

beforeAll(async () => {
  await startWasm()
})

describe("taps", () => {
  it("change what layers read and give", () => {
    expect(outputsOf(NO_TAP)).toEqual([10, 100, 1000])
    expect(outputsOf(tap(1, 3))).toEqual([60, 600, 6000])
    expect(outputsOf({ has: () => true })).toEqual([10, 100, 1000])
    expect(outputsOf(tap(1, 3, () => false))).toEqual([10, 100, 1000])
  })

  it("in a chain read each other's results: before a layer from the last, after it from the first", () => {
    const double: Tap = { has: () => true, before: (layers, x) => layers.map(() => tf.mul(x, 2)) }
    const addAfter: Tap = { has: () => true, after: (_layers, _xs, ys) => ys.map((y) => tf.add(y, 5)) }
    // Before: (1 · 2) + 1. After: · 3, then + 5.
    expect(outputsOf(chainTaps([tap(1, 3), double, addAfter]), [first])).toEqual([95])
    // Before: (1 + 1) · 2. After: + 5, then · 3.
    expect(outputsOf(chainTaps([double, addAfter, tap(1, 3)]), [first])).toEqual([135])
    expect(chainTaps([double])).toBe(double)
    expect(outputsOf(chainTaps([]))).toEqual([10, 100, 1000])
  })

  it("in a chain act at their own layers", () => {
    const atSecond: Tap = { has: (layer) => layer === second, before: (layers, x) => layers.map(() => tf.add(x, 7)) }
    const everywhere: Tap = { has: () => true, before: (layers, x) => layers.map(() => tf.add(x, 1)) }
    expect(outputsOf(chainTaps([atSecond, everywhere]))).toEqual([20, 900, 2000])
    const chain = chainTaps([atSecond, tap(0, 1, (layer) => layer === third)])
    expect(LAYERS.map((layer) => chain.has(layer))).toEqual([false, true, true])
  })

  it("side by side read the same, and their changes are summed", () => {
    // Before: 1 + 1 + 4. After, of 60: 60 + (180 - 60) + (30 - 60).
    expect(outputsOf(sumTaps([tap(1, 3), tap(4, 0.5)]), [first])).toEqual([150])
    expect(outputsOf(sumTaps([]))).toEqual([10, 100, 1000])
    const afterAlone: Tap = { has: () => true, after: (_layers, _xs, ys) => ys.map((y) => tf.add(y, 5)) }
    expect(outputsOf(sumTaps([afterAlone, tap(1, 1)]), [first])).toEqual([25])
    const sum = sumTaps([tap(0, 1, (layer) => layer === first), tap(0, 1, (layer) => layer === second)])
    expect(LAYERS.map((layer) => sum.has(layer))).toEqual([true, true, false])
  })

  it("at some layers leave the others alone", () => {
    const seen: NetworkLayer[][] = []
    const counting: Tap = {
      has: (layer) => layer !== first,
      before: (layers, x) =>
        layers.map((layer, i) => {
          seen.push([layer])
          return tf.add(x, i + 1)
        }),
      after: (_layers, xs, ys) => ys.map((y, i) => tf.add(y, xs[i] as Tensor)),
    }
    const some = tapAtLayers(counting, (layer) => layer !== second)
    expect(LAYERS.map((layer) => some.has(layer))).toEqual([false, false, true])
    // The first reads 2 and the third 3, and each adds to its output what it read.
    expect(outputsOf(some)).toEqual([22, 100, 3003])
    expect(seen).toEqual([[first], [third]])
    expect(outputsOf(tapAtLayers(counting, () => false))).toEqual([10, 100, 1000])
    expect(tapAtLayers({ has: () => true }, () => true)).toEqual({ has: expect.any(Function) })
  })
})

describe("what taps read", () => {
  const reading = (key: string, trained: readonly Tensor[] | null): Tap => ({
    has: (layer) => layer === first,
    reads: () => (trained === null ? null : { key, reads: [...trained], trained }),
  })
  const readsOf = (own: Tap, layers = [first]) => tapReads(own, layers, () => PLACE, 2)

  it("is nothing where it does not act, and unknown where it does not say", () => {
    expect(readsOf(reading("a", []), [second])).toEqual({ ...NO_READS })
    expect(readsOf({ has: () => true })).toBeNull()
    expect(readsOf(reading("a", null))).toBeNull()
  })

  it("is joined over layers and taps, with each trained tensor once", () => {
    const [shared, own] = [tf.scalar(1), tf.scalar(2)]
    const taps = [reading("a", [shared]), reading("b", [own, shared])]
    expect(readsOf(chainTaps(taps))).toEqual({
      key: "chain(a|b)",
      reads: [shared, own, shared],
      trained: [shared, own],
    })
    expect(readsOf(sumTaps(taps))?.key).toBe("sum(a|b)")
    expect(readsOf(taps[0] as Tap, [first, second, first])?.key).toBe("a||a")
    expect(readsOf(chainTaps([...taps, reading("c", null)]))).toBeNull()
  })
})
