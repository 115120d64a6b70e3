import { SAMPLER_NAMES, samplerInfo } from "@lllite/core/names"
import { createRecipe, readRecipe } from "@lllite/core/recipe"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { changeControl, controls } from "../controls/control-state.ts"
import { changeRecipe, chooseSampler, draft, FIRST_RECIPE, recipe, withSampler } from "./recipe-state.ts"

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
          draft.value = FIRST_RECIPE
          changeRecipe({ prompt, seed })
          chooseSampler(sampler)
          for (const { id } of controls.value) changeControl(id, { window, strength, curve: [1, strength, 1, 0, 1] })
          expect(readRecipe(JSON.parse(JSON.stringify(recipe.value)))).toEqual(recipe.value)
          expect(recipe.value).toMatchObject({ prompt, seed, sampler, spacing: samplerInfo(sampler)?.spacing })
          expect(recipe.value.adapters).toMatchObject([{ window, strength }])
        },
      ),
    )
  })

  it("drops the options of a sampler when another one is chosen", () => {
    const eta = createRecipe({ ...FIRST_RECIPE, sampler: "ddim", samplerOptions: { eta: 0.5 } })
    expect(withSampler(eta, "euler")).toMatchObject({ spacing: "linspace", samplerOptions: {} })
  })
})
