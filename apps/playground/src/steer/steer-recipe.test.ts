import { SAMPLER_NAMES, samplerInfo } from "@lllite/core/names"
import { readRecipe } from "@lllite/core/recipe"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { steerRecipe, withAdapter, withSampler } from "./steer-recipe.ts"

const FIRST = {
  ...{ prompt: "a red star", seed: 7, width: 128, height: 128 },
  model: { checkpoint: { path: "tiny" } },
  adapters: [{ file: { path: "a.safetensors" } }],
}

describe("the recipe of the page", () => {
  it("stays readable with all settings", () => {
    const share = fc.integer({ min: 0, max: 20 }).map((value) => value / 20)
    fc.assert(
      fc.property(
        fc.string(),
        fc.maxSafeNat(),
        fc.constantFrom(...SAMPLER_NAMES),
        fc.tuple(share, share),
        share,
        (prompt, seed, sampler, [a, b], strength) => {
          const window = { start: Math.min(a, b), end: Math.max(a, b) }
          const set = withAdapter(withSampler({ ...steerRecipe(FIRST), prompt, seed }, sampler), { window, strength })
          expect(steerRecipe(JSON.parse(JSON.stringify(readRecipe(set))))).toEqual(set)
          expect(set).toMatchObject({ prompt, seed, sampler, spacing: samplerInfo(sampler)?.spacing })
        },
      ),
    )
  })

  it("drops the options of a sampler when another one is chosen", () => {
    const recipe = steerRecipe({ ...FIRST, sampler: "ddim", samplerOptions: { eta: 0.5 } })
    expect(withSampler(recipe, "euler")).toMatchObject({ spacing: "linspace", samplerOptions: {} })
  })

  it("refuses two LLLites", () => {
    const adapters = [...FIRST.adapters, ...FIRST.adapters]
    expect(() => steerRecipe({ ...FIRST, adapters })).toThrow("it has 2 adapters, expected one")
  })
})
