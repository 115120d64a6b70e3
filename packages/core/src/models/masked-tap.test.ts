import { SDXL_LAYOUT, unetTable } from "@lllite/format"
import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, describe, expect, it } from "vitest"
import { startWasm } from "../../test/wasm.ts"
import type { RgbImage } from "../image.ts"
import { maskedTap, prepareMask } from "./masked-tap.ts"
import type { Tap } from "./taps.ts"
import { runTapped, UNKNOWN_PASS } from "./taps.ts"

function mask(width: number, height: number, valueAt: (x: number, y: number) => number): RgbImage {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) =>
    valueAt(Math.floor(i / 3) % width, Math.floor(i / (3 * width))),
  )
  return { width, height, data }
}

const [layer] = unetTable(SDXL_LAYOUT).layers
if (layer === undefined) throw new Error("the table is empty")
const addTwo: Tap = {
  has: () => true,
  before: (layers, x) => layers.map(() => tf.add(x, 2)),
  after: (_layers, _xs, ys) => ys.map((y) => tf.add(y, 2)),
}

describe("a mask", () => {
  beforeAll(async () => {
    await startWasm()
  })

  const grid = (masks: readonly RgbImage[], height: number, width: number, feather = 0): readonly number[] => {
    const prepared = prepareMask(masks, feather)
    const values = [...prepared.at({ height, width }).dataSync<"float32">()]
    prepared.dispose()
    return values.map((value) => Math.round(value * 1e4) / 1e4)
  }

  it("is the mean of what a token covers, also where sizes do not divide", () => {
    const left = mask(8, 4, (x) => (x < 3 ? 255 : 0))
    expect(grid([left], 1, 2)).toEqual([0.75, 0])
    expect(grid([left], 1, 3)).toEqual([1, 0.125, 0])
    expect(grid([mask(4, 8, (_, y) => (y < 2 ? 255 : 0))], 2, 1)).toEqual([0.5, 0])
    expect(grid([mask(4, 4, () => 51)], 4, 4)).toEqual(Array(16).fill(0.2))
  })

  it("falls within its feather, with half of it on each side, and keeps its borders", () => {
    const soft = grid([mask(64, 1, (x) => (x < 32 ? 255 : 0))], 1, 64, 16)
    expect(soft[0]).toBe(1)
    expect(soft[63]).toBe(0)
    expect(soft[23]).toBeGreaterThan(0.97)
    expect(soft[40]).toBeLessThan(0.03)
    expect((soft[31] ?? 0) + (soft[32] ?? 0)).toBeCloseTo(1, 3)
    for (let i = 1; i < 64; i++) expect(soft[i]).toBeLessThanOrEqual(soft[i - 1] ?? 0)
  })

  it("multiplies deltas of tokens and of pixels, picture by picture", () => {
    const prepared = prepareMask([mask(2, 1, (x) => (x === 0 ? 255 : 0)), mask(2, 1, () => 255)], 0)
    const tap = maskedTap(addTwo, prepared)
    const place = { ...UNKNOWN_PASS, grid: { height: 1, width: 2 } }
    for (const shape of [
      [4, 2, 1],
      [4, 1, 2, 1],
    ]) {
      const [y] = runTapped(tap, [layer], tf.zeros(shape), place, (_, read) => read)
      expect(y?.shape).toEqual(shape)
      // Before the layer and after it. Rows are pictures, twice.
      expect([...(y?.dataSync() ?? [])]).toEqual([4, 0, 4, 4, 4, 0, 4, 4])
    }
    const text = runTapped(tap, [layer], tf.zeros([4, 2, 1]), { ...place, grid: null }, (_, read) => read)
    expect([...(text[0]?.dataSync() ?? [])]).toEqual(Array(8).fill(4))
    prepared.dispose()
  })
})
