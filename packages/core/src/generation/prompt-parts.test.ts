import "@tensorflow/tfjs"
import * as tf from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import type { RgbImage } from "../image.ts"
import { checkParts, type PartUse, viewOf } from "./part-settings.ts"
import { prepareParts } from "./prompt-parts.ts"
import type { Window } from "./window.ts"

const GRID = { height: 16, width: 32 }

/** White in the left half. */
function leftMask(): RgbImage {
  const data = new Uint8Array(16 * 16 * 3)
  for (let i = 0; i < data.length; i++) data[i] = Math.floor(i / 3) % 16 < 8 ? 255 : 0
  return { width: 16, height: 16, data }
}

/** The shares of one row of the grid at a place of the schedule. */
async function shares(parts: readonly PartUse[], { row = 8, progress = 0.5, withRest = false } = {}) {
  const before = tf.memory().numTensors
  const prepared = prepareParts(parts)
  const window = ({ start = 0, end = 1 }: Window): number => (progress >= start && progress <= end ? 1 : 0)
  const made = prepared.at(GRID, window)
  expect(prepared.at(GRID, window)).toBe(made)
  const rows = await Promise.all(
    [...made.parts, ...(withRest ? [made.rest] : [])].map(async (share) =>
      share === null ? null : [...(await share.data()).slice(row * 32, (row + 1) * 32)],
    ),
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
    const [masked, rest] = await shares([{ mask: leftMask() }], { withRest: true })
    expect(masked).toEqual([...Array(16).fill(1), ...Array(16).fill(0)])
    expect(rest).toEqual([...Array(16).fill(0), ...Array(16).fill(1)])
    expect(await shares([{ mask: leftMask() }, {}], { withRest: true })).toHaveLength(3)
    expect((await shares([{ mask: leftMask() }, {}], { withRest: true }))[2]).toBeNull()
  })

  it("fall towards the edges of areas inside of the picture, as in ComfyUI", async () => {
    const [area, all] = await shares([{ area: { left: 0.5, top: 0, width: 0.5, height: 1 } }, {}])
    // An eighth of a latent's share for each of 8, or a quarter of the area's side where that is less.
    const rise = Array.from({ length: 4 }, (_, i) => (i + 1) / 4)
    const factors = [...Array(16).fill(0), ...rise, ...Array(12).fill(1)]
    for (const [i, factor] of factors.entries()) {
      expect(area?.[i]).toBeCloseTo(factor / (1 + factor), 6)
      expect(all?.[i]).toBeCloseTo(1 / (1 + factor), 6)
    }
  })

  it("have no soft edge beside a mask, as in ComfyUI", async () => {
    const [area] = await shares([{ mask: leftMask(), area: { left: 0.25, top: 0, width: 0.5, height: 1 } }])
    expect(area).toEqual([...Array(8).fill(0), ...Array(8).fill(1), ...Array(16).fill(0)])
  })

  it("see all, their area, or the bounds of their mask", () => {
    const area = { left: 0.25, top: 0.5, width: 0.5, height: 0.25 }
    expect(viewOf({ area }, GRID)).toBeNull()
    expect(viewOf({ area, sees: "area" }, GRID)).toEqual({ top: 8, left: 8, height: 4, width: 16 })
    expect(viewOf({ mask: leftMask(), sees: "mask" }, GRID)).toEqual({ top: 0, left: 0, height: 16, width: 16 })
    const black = { ...leftMask(), data: new Uint8Array(16 * 16 * 3) }
    expect(viewOf({ mask: black, sees: "mask" }, GRID)).toEqual({ top: 0, left: 0, height: 8, width: 8 })
  })

  it("have the shape of their area on both axes, and fall at each of its inner edges", async () => {
    // Rows 4 to 11 of 16 and columns 8 to 23 of 32: 8 by 16 latents in the middle.
    const area = { left: 0.25, top: 0.25, width: 0.5, height: 0.5 }
    // The edge is soft over a quarter of the side: 2 rows and 4 columns.
    const across = [
      ...[...Array(8).fill(0), 0.25, 0.5, 0.75, ...Array(10).fill(1)],
      ...[0.75, 0.5, 0.25, ...Array(8).fill(0)],
    ]
    const down = [...Array(4).fill(0), 0.5, ...Array(6).fill(1), 0.5, ...Array(4).fill(0)]
    for (const row of [0, 3, 4, 5, 8, 11, 12]) {
      const [own] = await shares([{ area, strength: 2 }, {}], { row })
      for (const [column, factor] of across.entries()) {
        const plane = 2 * factor * (down[row] ?? 0)
        expect(own?.[column]).toBeCloseTo(plane / (1 + plane), 6)
      }
    }
  })

  it("have at least one latent, and none beyond the picture", async () => {
    const thin = await shares([{ area: { left: 0.5, top: 0, width: 0, height: 1 } }])
    expect(thin[0]).toEqual(Array.from({ length: 32 }, (_, i) => (i === 16 ? 1 : 0)))
    const [over, all] = await shares([{ area: { left: 0.75, top: 0.5, width: 1, height: 1 } }, {}], { row: 15 })
    expect(over?.[31]).toBeCloseTo(0.5, 6)
    expect(over?.[24]).toBeCloseTo(1 / 3, 6)
    expect(all?.[23]).toBe(1)
  })

  it("are made once for each of a run's factors", async () => {
    const prepared = prepareParts([{ end: 0.5 }, {}])
    const at = (progress: number) =>
      prepared.at(GRID, ({ start = 0, end = 1 }) => (progress >= start && progress <= end ? 1 : 0))
    expect(at(0.4)).toBe(at(0.1))
    expect(at(0.6)).not.toBe(at(0.1))
    expect(prepared.at({ height: 8, width: 16 }, () => 1).parts[0]?.shape).toEqual([1, 8, 16, 1])
    prepared.dispose()
  })

  it("are refused where a prompt has another number of them, and out of range", () => {
    const two = ["a AND b"]
    expect(() => checkParts("parts", [{}, {}], two)).not.toThrow()
    expect(() => checkParts("parts", [{}], two)).toThrow("parts has 1 entries, and a prompt has 2 parts")
    expect(() => checkParts("parts", [{}, { strength: -1 }], two)).toThrow(
      "parts[1]: strength is -1, expected a number from 0 to 100",
    )
    expect(() => checkParts("parts", [{ start: 0.6, end: 0.5 }, {}], two)).toThrow("parts[0] runs from 0.6 to 0.5")
    expect(() => checkParts("parts", [{ sees: "area" }, {}], two)).toThrow(
      'parts[0]: sees is "area", and the part has no area',
    )
    expect(() => checkParts("negativeParts", [{}, {}], ["a :0.5 AND b"])).toThrow(
      "a part of the negative prompt has the weight 0.5. Give it as strength in negativeParts",
    )
  })
})
