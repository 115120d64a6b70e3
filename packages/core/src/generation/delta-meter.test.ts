import { SDXL_LAYOUT, unetTable } from "@lllite/format"
import * as tf from "@tensorflow/tfjs-core"
import { beforeAll, describe, expect, it } from "vitest"
import { startWasm } from "../../test/wasm.ts"
import type { Tap } from "../models/taps.ts"
import { chainTaps, runTapped, UNKNOWN_PASS } from "../models/taps.ts"
import { createDeltaMeter } from "./delta-meter.ts"

const layers = unetTable(SDXL_LAYOUT)
  .layers.filter(({ block }) => block === "input 4")
  .slice(0, 2)
/** Adds a number to what each layer reads. Rows of the second half get twice as much. */
const adding = (value: number): Tap => ({
  has: () => true,
  before: (layers, x) => layers.map(() => tf.add(x, tf.mul(value, tf.tensor3d([1, 1, 2, 2], [4, 1, 1])))),
})

describe("a meter of deltas", () => {
  beforeAll(async () => {
    await startWasm()
  })

  it("adds up layers, sides of guidance and passes, picture by picture", async () => {
    const before = tf.memory().numTensors
    const meter = createDeltaMeter(2, 2)
    const tap = chainTaps([meter.measured(0, adding(1)), meter.measured(1, adding(10))])
    // Rows: two pictures without the prompt, then two with it.
    const x = tf.fill([4, 3, 2], 2)
    for (const step of [0, 0, 1]) {
      tf.tidy(() => void runTapped(tap, layers, x, { ...UNKNOWN_PASS, grid: null }, (_, read) => read))
      await meter.endPass({ step, sigma: 9 - step })
    }
    x.dispose()
    const [first, second] = meter.steps()
    expect([first?.step, first?.sigma, second?.step]).toEqual([1, 9, 2])
    const [ofFirst, ofSecond] = first?.adapters ?? []
    expect(ofFirst?.length).toBe(2)
    for (const picture of ofSecond ?? []) {
      const [block] = picture
      expect(block).toMatchObject({ block: "input 4", layers: 2 })
      // Half of the rows get 10, the others 20.
      expect(block?.delta).toBeCloseTo(Math.sqrt((100 + 400) / 2), 3)
      expect(block?.relative).toBeCloseTo(Math.sqrt((100 + 400) / 8), 3)
    }
    // In a chain the first adapter reads what the second has added.
    expect(ofFirst?.[0]?.[0]?.delta).toBeCloseTo(Math.sqrt((1 + 4) / 2), 3)
    expect(ofFirst?.[0]?.[0]?.relative).toBeCloseTo(Math.sqrt((1 + 4) / (144 + 484)), 4)
    expect(tf.memory().numTensors).toBe(before)
  })

  it("frees what a failed pass has measured", () => {
    const before = tf.memory().numTensors
    const meter = createDeltaMeter(1, 1)
    const x = tf.zeros([4, 1, 1])
    tf.tidy(
      () => void runTapped(meter.measured(0, adding(1)), layers, x, { ...UNKNOWN_PASS, grid: null }, (_, read) => read),
    )
    x.dispose()
    expect(tf.memory().numTensors).toBe(before + 2)
    meter.dispose()
    expect(tf.memory().numTensors).toBe(before)
    expect(meter.steps()).toEqual([])
  })
})
