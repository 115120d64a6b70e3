import "@tensorflow/tfjs"
import * as tf from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import type { RgbImage } from "../image.ts"
import { checkParts, type PartUse, prepareParts } from "./prompt-parts.ts"
import type { Window } from "./window.ts"

const GRID = { height: 16, width: 32 }

/** White in the left half. */
function leftMask(): RgbImage {
  const data = new Uint8Array(16 * 16 * 3)
  for (let i = 0; i < data.length; i++) data[i] = Math.floor(i / 3) % 16 < 8 ? 255 : 0
  return { width: 16, height: 16, data }
}

/** The shares of one row of the grid at a place of the schedule. */
async function shares(parts: readonly PartUse[], { row = 8, progress = 0.5 } = {}) {
  const before = tf.memory().numTensors
  const prepared = prepareParts(parts)
  const window = ({ start = 0, end = 1 }: Window): number => (progress >= start && progress <= end ? 1 : 0)
  const made = prepared.at(GRID, window)
  expect(prepared.at(GRID, window)).toBe(made)
  const rows = await Promise.all(
    made.map(async (share) => (share === null ? null : [...(await share.data()).slice(row * 32, (row + 1) * 32)])),
  )
  prepared.dispose()
  expect(tf.memory().numTensors).toBe(before)
  return rows
}

describe("parts of a prompt", () => {
  it("share the picture by their strengths", async () => {
    const [first, second] = await shares([{ strength: 3 }, {}])
    expect(first).toEqual(Array(32).fill(0.75))
    expect(second).toEqual(Array(32).fill(0.25))
  })

  it("act in their windows alone, and are not run outside", async () => {
    const parts = [{ end: 0.4 }, { start: 0.4 }]
    expect(await shares(parts)).toEqual([null, Array(32).fill(1)])
    expect(await shares(parts, { progress: 0 })).toEqual([Array(32).fill(1), null])
    expect(await shares([{ end: 0.4 }])).toEqual([null])
  })

  it("act where their masks are white, beside those that act everywhere", async () => {
    const [masked, all] = await shares([{ mask: leftMask() }, {}])
    expect(masked).toEqual([...Array(16).fill(0.5), ...Array(16).fill(0)])
    expect(all).toEqual([...Array(16).fill(0.5), ...Array(16).fill(1)])
  })

  it("have no share where no part acts", async () => {
    const [masked] = await shares([{ mask: leftMask() }])
    expect(masked).toEqual([...Array(16).fill(1), ...Array(16).fill(0)])
  })

  it("fall towards the edges of areas inside of the picture, as in ComfyUI", async () => {
    const [area, all] = await shares([{ area: { left: 0.5, top: 0, width: 0.5, height: 1 } }, {}])
    const rise = Array.from({ length: 8 }, (_, i) => (i + 1) / 8)
    const factors = [...Array(16).fill(0), ...rise, ...Array(8).fill(1)]
    for (const [i, factor] of factors.entries()) {
      expect(area?.[i]).toBeCloseTo(factor / (1 + factor), 6)
      expect(all?.[i]).toBeCloseTo(1 / (1 + factor), 6)
    }
  })

  it("are refused where a prompt has another number of them, and out of range", () => {
    const two = [{ prompt: "a AND b" }]
    expect(() => checkParts([{}, {}], two)).not.toThrow()
    expect(() => checkParts([{}], two)).toThrow("parts has 1 entries, and a prompt has 2 parts")
    expect(() => checkParts([{}, { strength: -1 }], two)).toThrow(
      "parts[1]: strength is -1, expected a number from 0 to 10",
    )
    expect(() => checkParts([{ start: 0.6, end: 0.5 }, {}], two)).toThrow("parts[0] runs from 0.6 to 0.5")
  })
})
