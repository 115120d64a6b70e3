import { parsePreprocessing } from "@lllite/core/image"
import { createRecipe } from "@lllite/core/recipe"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { englishOf } from "../../test/words.ts"
import { adapterRecipe, newControl } from "../controls/control-state.ts"
import { FIRST_RECIPE } from "../draw/recipe-state.ts"
import { problemOf } from "../language/sentence.ts"
import { codeOf, commandOf, linkOf, readLink } from "./copy-as.ts"

const PAGE = "https://example.org/some/folder/?backend=wasm#old"
const made = (changes: { readonly prompt?: string; readonly seed?: number } = {}) =>
  createRecipe({
    ...{ ...FIRST_RECIPE, ...changes },
    adapters: [adapterRecipe(newControl({ strength: 0.5, window: { start: 0.1, end: 0.9 } }), 128)],
  })

describe("a copied command", () => {
  it("names every setting as lllite generate has it", () => {
    expect(commandOf(made()).replaceAll(" \\\n  ", " ")).toBe(
      "lllite generate --ckpt tiny --prompt 'a green heart' --seed 7 --steps 8 --scale 1.5 --sampler euler " +
        "--control_net_lllite_models lllite-canny.safetensors --guide_image_path drawing.png " +
        "--control_net_preps canny:grey=true --control_net_multipliers 0.5 --lllite_starts 0.1 --control_net_ratios 0.9",
    )
  })

  it("names the thresholds and the blur of edges, as the code and the link do", () => {
    const edges = { low: 60, high: 120, grey: true, blur: 1.5 }
    const recipe = createRecipe({
      ...FIRST_RECIPE,
      adapters: [adapterRecipe(newControl({ options: { canny: edges } }), 128)],
    })
    const text = "canny:low=60,high=120,grey=true,blur=1.5"
    expect(commandOf(recipe)).toContain(`--control_net_preps ${text} `)
    expect(parsePreprocessing(text)).toEqual({ kind: "canny", options: edges })
    expect(codeOf(recipe)).toContain('"blur": 1.5')
    expect(readLink(new URL(linkOf(recipe, PAGE)).hash)).toEqual(recipe)
  })

  it("quotes a prompt so that no shell runs a part of it", () => {
    expect(commandOf(made({ prompt: 'it\'s $(rm) `x` "y"' }))).toContain("--prompt 'it'\\''s $(rm) `x` \"y\"'")
  })
})

it("copies code whose files are those of the command", () => {
  const code = codeOf(made({ prompt: '`x` $(y)\n"' }))
  const json = /createRecipe\((.*?)\)\nconst runtime/s.exec(code)?.[1] ?? ""
  expect(JSON.parse(json)).toMatchObject({
    prompt: '`x` $(y)\n"',
    adapters: [{ file: { path: "lllite-canny.safetensors" }, control: { file: { path: "drawing.png" } } }],
  })
})

describe("a link", () => {
  /** What is said of a link that cannot be read. */
  const refusal = (hash: string): string => {
    try {
      readLink(hash)
    } catch (error) {
      return englishOf(problemOf(error))
    }
    throw new Error("the link was read")
  }

  it("has the settings behind its #, in every language, and gives them back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.maxSafeNat(), (prompt, seed) => {
        const recipe = made({ prompt, seed })
        const link = new URL(linkOf(recipe, PAGE))
        expect(link.search + link.pathname).toBe("?backend=wasm/some/folder/")
        expect(readLink(link.hash)).toEqual(recipe)
      }),
    )
  })

  it("is refused if it is cut off or says something else, and is none without settings", () => {
    const { hash } = new URL(linkOf(made(), PAGE))
    const cut = "The settings of this link cannot be read: it is cut off or damaged. Copy the whole link."
    expect(refusal(hash.slice(0, 40))).toBe(cut)
    for (const text of ["", "%%%", "a", btoa("\xff\xfe"), btoa('{"a": }')]) expect(refusal(`#recipe=${text}`)).toBe(cut)
    expect(refusal(`#recipe=${btoa("null")}`)).toContain("recipe: width is missing")
    expect(refusal(`#recipe=${btoa('{"prompt":1}')}`)).toContain("cannot be read")
    expect(refusal(`#recipe=${"a".repeat(30_000)}`)).toContain("it is too long")
    expect(readLink("")).toBeNull()
    expect(readLink("#panel-draw")).toBeNull()
  })
})
