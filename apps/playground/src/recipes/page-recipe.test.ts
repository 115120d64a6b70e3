import { createRecipe } from "@lllite/core/recipe"
import { describe, expect, it } from "vitest"
import { inEnglish } from "../../test/words.ts"
import { adapterRecipe, newControl } from "../controls/control-state.ts"
import { BUILT_IN } from "../controls/networks.ts"
import { FIRST_RECIPE, withSampler } from "../draw/recipe-state.ts"
import { TINY_FACTS } from "../models/model-facts.ts"
import { curvePoints, pageRecipe } from "./page-recipe.ts"

const KNOWN = [{ name: BUILT_IN, sha256: null, kind: "lllite", types: [] }] as const

describe("pageRecipe", () => {
  it("gives back every setting of this page's own recipes, and has nothing to say", () => {
    const control = newControl({
      ...{ strength: 0.45, window: { start: 0.1, end: 0.8 }, curve: [0, 0.5, 1, 1.5, 2] },
      ...{ kind: "canny", thresholds: { low: 60, high: 120 } },
    })
    const draft = { ...withSampler(FIRST_RECIPE, "heun"), prompt: "a red star", seed: "18446744073709551615", steps: 3 }
    const taken = pageRecipe(createRecipe({ ...draft, adapters: [adapterRecipe(control, 128)] }), KNOWN, TINY_FACTS)
    expect(taken.notices).toEqual([])
    expect(taken.draft).toEqual(createRecipe(draft))
    expect(taken.controls).toEqual([{ control: { ...control, id: expect.any(Number) }, index: 0 }])
  })

  it("names what it does not take of a recipe of another program", () => {
    const { controls, draft, notices } = pageRecipe(
      createRecipe({
        ...{ prompt: "a cat", seed: 1, width: 1024, height: 768, hires: { scale: 0.5 } },
        model: { checkpoint: { path: "sdxl.safetensors" }, loras: [{ file: { path: "ink.safetensors" } }] },
        adapters: [
          { file: { path: "depth.safetensors" } },
          { kind: "controlnet", file: { path: "union.safetensors" } },
          { file: { path: BUILT_IN }, window: { start: 0, end: 1, ease: 0.2 }, control: null },
        ],
      }),
      KNOWN,
      TINY_FACTS,
    )
    expect(inEnglish(notices)).toEqual([
      "It was made with “sdxl.safetensors”. Here the tiny SDXL draws.",
      "It was made with 1024 × 768 pixels. Here pictures have 128 × 128.",
      "The LoRA “ink.safetensors” is not open and is left out. Open its file, and then this again.",
      "The LLLite “depth.safetensors” is not open and is left out. Open its file, and then this again.",
      "The ControlNet “union.safetensors” is not open and is left out. Open its file, and then this again.",
      `Of “${BUILT_IN}” this page does not follow soft ends of its window.`,
    ])
    expect(controls.map(({ index }) => index)).toEqual([2])
    expect(draft).toMatchObject({ prompt: "a cat", width: 128, height: 128, model: { checkpoint: { path: "tiny" } } })
  })

  it("finds an LLLite by its hash, whatever its name is", () => {
    const sha256 = "ab".repeat(32)
    const recipe = createRecipe({ ...FIRST_RECIPE, adapters: [{ file: { path: "renamed", sha256 } }] })
    const named = (name: string, hash: string) => [{ name, sha256: hash, kind: "lllite", types: [] }] as const
    expect(pageRecipe(recipe, named("mine", sha256), TINY_FACTS).controls[0]?.control.network).toBe("mine")
    expect(pageRecipe(recipe, named("renamed", "cd".repeat(32)), TINY_FACTS).controls).toEqual([])
  })
})

it("takes a curve at five points, linear between those of the recipe", () => {
  expect(curvePoints(undefined)).toBeNull()
  expect(curvePoints([{ at: 0.5, strength: 2 }])).toEqual([2, 2, 2, 2, 2])
  expect(
    curvePoints([
      { at: 1, strength: 0 },
      { at: 0.5, strength: 1 },
    ]),
  ).toEqual([1, 1, 1, 0.5, 0])
})
