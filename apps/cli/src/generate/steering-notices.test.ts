import type { AdapterInput } from "@lllite/core/recipe"
import { createRecipe } from "@lllite/core/recipe"
import { SDXL_LAYOUT } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import { describe, expect, it } from "vitest"
import { steeringNotices } from "./steering-notices.ts"

const adapters = enumerateSites(SDXL_LAYOUT).map((site) => ({ site, condDim: 8, mlpDim: 8 }))
const noticesOf = (settings: Omit<AdapterInput, "file">, steps = 8) =>
  steeringNotices(
    createRecipe({
      ...{ prompt: "", seed: 1, width: 64, height: 64, steps, model: { checkpoint: { path: "tiny" } } },
      adapters: [{ file: { path: "/m/canny.safetensors" }, ...settings }],
    }),
    [{ adapters }],
  )

describe("what has no effect in steering", () => {
  it("are blocks without a site", () => {
    const [notice, ...more] = noticesOf({ blocks: { "*": 0.5, "output *": 0, "input 0-3": 2, middle: 1 } })
    expect(notice).toContain('"canny.safetensors" does not act in "output *", "input 0-3", so')
    expect(notice).toContain("It acts in input 4, input 5, input 7, input 8, middle.")
    expect(more).toEqual([])
  })

  it("is a window that no step reaches", () => {
    const window = { start: 0.9, end: 0.95 }
    expect(noticesOf({ window }).join()).toContain("acts in no step: no step of 8 lies in its window from 0.9 to 0.95.")
    expect(noticesOf({ window }, 40)).toEqual([])
    expect(noticesOf({ curve: [{ at: 0, strength: 0 }] }).join()).toContain("with its curve.")
    expect(noticesOf({ strength: 0 })).toEqual([])
    expect(noticesOf({})).toEqual([])
  })
})
