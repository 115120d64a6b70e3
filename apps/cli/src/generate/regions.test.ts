import { createRecipe } from "@lllite/core/recipe"
import { describe, expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import { GENERATE_OPTIONS } from "./options.ts"
import { checkRegionOptions, regionNotices, regionsOf } from "./regions.ts"

const read = (more: Record<string, unknown>) =>
  readRecord(GENERATE_OPTIONS, { ckpt: "tiny", prompt: "a", outdir: "out", ...more })
const regions = (more: Record<string, unknown>) => regionsOf(read(more).settings)
const map = { file: { path: "map.png" }, codes: null }

describe("regions of the command line", () => {
  it("are a mask that no start picture reads", () => {
    expect(regions({ mask_path: "map.png" })).toEqual(map)
    expect(regions({ mask_path: "map.png", image_path: "a.png" })).toBeNull()
    expect(regions({})).toBeNull()
  })

  it("are a mask beside a start picture with a number of colours, or with LoRAs as in sd-scripts", () => {
    const start = { mask_path: "map.png", image_path: "a.png" }
    expect(regions({ ...start, network_regional_mask_max_color_codes: "2" })).toEqual({ ...map, codes: 2 })
    expect(regions({ ...start, network_weights: ["a.safetensors"] })).toBeNull()
    expect(regions({ ...start, network_weights: ["a.safetensors"], compat: "sd-scripts" })).toEqual(map)
  })

  it("need their map", () => {
    const reader = read({ network_regional_mask_max_color_codes: "2" })
    checkRegionOptions(reader)
    expect(() => reader.finish()).toThrow("needs --mask_path, the map of regions")
  })

  it("have no effect without LoRAs and AND, which is said", () => {
    const recipe = (prompt: string) =>
      createRecipe({ prompt, seed: 1, width: 64, height: 64, regions: map, model: { checkpoint: { path: "tiny" } } })
    expect(regionNotices([recipe("a AND b")])).toEqual([])
    expect(regionNotices([recipe("a")])).toEqual([
      '"map.png" is a map of regions for LoRAs and for prompts with AND. "a" has neither.',
    ])
  })
})
