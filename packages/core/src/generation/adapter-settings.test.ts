import { SDXL_LAYOUT, unetTable } from "@lllite/format"
import { describe, expect, it } from "vitest"
import type { RgbImage } from "../image.ts"
import type { StrengthPlace } from "../models/strength.ts"
import { type AdapterControl, checkAdapterSettings, strengthAt } from "./adapter-settings.ts"

const layers = unetTable(SDXL_LAYOUT).layers
const layerOf = (block: string): StrengthPlace["layer"] => {
  const layer = layers.find((each) => each.block === block)
  if (layer === undefined) throw new Error(`no layer of ${block}`)
  return layer
}
const at = (block: string, guidance: "cond" | "uncond", picture = 0): StrengthPlace =>
  ({ layer: layerOf(block), row: { guidance, picture } }) as StrengthPlace

/** The strength in the rows of two pictures: with the prompt, and with the negative one. */
function strengths(control: AdapterControl, window = 1, block = "input 4"): readonly number[] {
  const strength = strengthAt(control, window)
  if (typeof strength === "number") return [strength]
  return ([0, 1] as const).flatMap((picture) =>
    (["cond", "uncond"] as const).map((guidance) => strength(at(block, guidance, picture))),
  )
}

describe("the strength of an adapter in a pass", () => {
  it("is a number where all layers and rows have the same", () => {
    expect(strengths({})).toEqual([1])
    expect(strengths({ strength: 0.5 }, 0.25)).toEqual([0.125])
    expect(strengths({ strength: 2, cond: 3, uncond: 3 }, 0.5)).toEqual([3])
  })

  it("is multiplied by the factor of the prompt's side", () => {
    expect(strengths({ strength: 2, uncond: 0.25 }, 0.5)).toEqual([1, 0.25, 1, 0.25])
    expect(strengths({ cond: 3 })).toEqual([3, 1, 3, 1])
  })

  it("is multiplied by the factor of its block", () => {
    const blocks = { "input 4": 0.25, "*": 4 }
    expect(strengths({ strength: 2, blocks }, 0.5)).toEqual([0.25, 0.25, 0.25, 0.25])
    expect(strengths({ strength: 2, blocks, uncond: 0 }, 0.5, "middle")).toEqual([4, 0, 4, 0])
    expect(strengths({ blocks: { middle: 0.5 } })).toEqual([1, 1, 1, 1])
  })

  it("is its own in each picture, or follows from the place", () => {
    expect(strengths({ strength: [0.5, 2] }, 0.5)).toEqual([0.25, 0.25, 1, 1])
    expect(strengths({ strength: [0.5], uncond: 2 })).toEqual([0.5, 1, 0.5, 1])
    const strength = ({ row }: StrengthPlace): number => row.picture + 1
    expect(strengths({ strength, uncond: 0.5 }, 2)).toEqual([2, 1, 4, 2])
  })
})

describe("settings of an adapter", () => {
  const PICTURES = { count: 2, width: 64, height: 32 }
  const mask = (width: number, height: number): RgbImage => ({
    width,
    height,
    data: new Uint8Array(3 * width * height),
  })
  const refusal = (control: AdapterControl): string => {
    try {
      checkAdapterSettings(control, PICTURES)
    } catch (error) {
      return (error as Error).message
    }
    return "taken"
  }

  it.each<AdapterControl>([
    {},
    { strength: 0, cond: 0, uncond: 0, maskFeather: 0 },
    { strength: [0.5] },
    { strength: [0.5, 1] },
    { strength: () => 1 },
    { mask: mask(64, 32) },
    { mask: [mask(64, 32)] },
    { mask: [mask(64, 32), mask(64, 32)] },
  ])("are taken: %j", (control) => expect(refusal(control)).toBe("taken"))

  it.each<[AdapterControl, string]>([
    [{ strength: Number.NaN }, "strength is NaN"],
    [{ strength: [1, 2, 3] }, "3 strengths for 2 pictures, expected 1 or 2"],
    [{ strength: [] }, "0 strengths for 2 pictures"],
    [{ strength: [1, Number.POSITIVE_INFINITY] }, "strength[1] is Infinity"],
    [{ cond: Number.NaN }, "cond is NaN"],
    [{ uncond: Number.NaN }, "uncond is NaN"],
    [{ maskFeather: -1 }, "maskFeather is -1"],
    [{ start: 2 }, "start"],
    [{ blocks: { middel: 1 } }, '"middel"'],
    [{ mask: [mask(64, 32), mask(64, 32), mask(64, 32)] }, "3 masks for 2 pictures, expected 1 or 2"],
    [{ mask: [] }, "0 masks for 2 pictures"],
    [{ mask: mask(32, 32) }, "a mask is 32×32 px, the picture 64×32. Resize the mask."],
    [{ mask: [mask(64, 32), mask(64, 64)] }, "a mask is 64×64 px"],
  ])("are refused: %j", (control, said) => expect(refusal(control)).toContain(said))
})
