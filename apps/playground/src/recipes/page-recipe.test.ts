import type { Preprocessing } from "@lllite/core/image"
import { type ControlReference, createRecipe } from "@lllite/core/recipe"
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
      ...{ kind: "canny", options: { canny: { low: 60, high: 120, grey: true, blur: 1.5 } } },
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

  it("knows the model by its hash, and says when a file of the same name is another one", () => {
    const [mine, other] = ["ab", "cd"].map((digits) => digits.repeat(32))
    const model = { ...TINY_FACTS, name: "mine", path: "mine.safetensors", sha256: mine ?? null }
    const said = (path: string, sha256: string | undefined): readonly string[] => {
      const checkpoint = { path, ...(sha256 === undefined ? {} : { sha256 }) }
      return inEnglish(pageRecipe(createRecipe({ ...FIRST_RECIPE, model: { checkpoint } }), KNOWN, model).notices)
    }
    expect(said("renamed.safetensors", mine)).toEqual([])
    expect(said("mine.safetensors", undefined)).toEqual([])
    expect(said("mine.safetensors", other)).toEqual(["It was made with another file of the name “mine”."])
    expect(said("its.safetensors", other)[0]).toMatch(/^It was made with “its\.safetensors”/)
  })

  it("keeps every option of a preprocessor, and lets those of this page follow its size", () => {
    const taken = (preprocess: Preprocessing) => {
      const control: ControlReference = { file: { path: "drawing" }, fit: "stretch", preprocess }
      const recipe = createRecipe({ ...FIRST_RECIPE, adapters: [{ file: { path: BUILT_IN }, control }] })
      const found = pageRecipe(recipe, KNOWN, TINY_FACTS).controls[0]?.control ?? newControl()
      expect(adapterRecipe(found, 128)).toMatchObject({ control: recipe.adapters[0]?.control })
      return found.options
    }
    expect(taken({ kind: "canny", options: { low: 50, l2: true, blur: 2, resolution: 512 } })).toEqual({
      canny: { low: 50, l2: true, resolution: 512, blur: 2 },
    })
    expect(taken({ kind: "canny" })).toEqual({ canny: {} })
    expect(taken({ kind: "scribble_xdog", options: { threshold: 20 } })).toEqual({ scribble_xdog: { threshold: 20 } })
    expect(taken({ kind: "canny", options: { grey: true } })).toEqual({})
    expect(taken({ kind: "color_grid", options: { resolution: 128 } })).toEqual({})
    expect(taken({ kind: "color_grid", options: { resolution: 64 } })).toEqual({ color_grid: { resolution: 64 } })
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
