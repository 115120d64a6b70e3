import { promptNotices } from "@lllite/core/models"
import { createRecipe } from "@lllite/core/recipe"
import { expect, it } from "vitest"
import { lineNotices, withOption } from "./line-notices.ts"

const picture = (written: string, prompt: string, more: { readonly negativePrompt?: string } = {}) => ({
  written,
  ...{ clipPrompt: null, fileName: null },
  recipe: createRecipe({
    ...{ prompt, seed: 42, width: 128, height: 64, steps: 3, guidanceScale: 7, ...more },
    model: { checkpoint: { path: "tiny" } },
  }),
})

it("says nothing about prompts that are drawn as they were written", () => {
  expect(lineNotices([picture("a red ring", "a red ring"), picture(" a red ring ", "a red ring")])).toEqual([])
})

it("says that a prompt of CLIP guidance has no effect", () => {
  expect(lineNotices([{ ...picture("a", "a"), clipPrompt: "b" }])).toEqual([
    "--c of a prompt has no effect on SDXL. The text of the picture keeps it.",
  ])
})

it("says that a WebP holds no text", () => {
  const named = (fileName: string) => ({ ...picture("a", "a"), fileName })
  expect(lineNotices([named("b.webp"), named("b.webp"), named("b.png")])).toEqual([
    '"b.webp" will be a WebP without text, so --from cannot make it again. End the name in .png to keep the text.',
  ])
})

it("says what becomes of options and groups, once, with the number of prompts", () => {
  const options = picture("a ring --n blurry --s 3 --d 42", "a ring", { negativePrompt: "blurry" })
  expect(lineNotices([options, options])).toEqual([
    '"a ring --n blurry --s 3 --d 42" has options, groups or LoRAs, which are followed. ' +
      'The first picture is "a ring", without "blurry": 128x64, 3 steps, scale 7, seed 42.',
  ])
  expect(lineNotices([options, picture("a {red|blue} ring", "a red ring")])).toEqual([
    expect.stringMatching(
      /^2 prompts have options, groups or LoRAs, .* The first is "a ring --n blurry --s 3 --d 42"\.$/,
    ),
  ])
})

it("names the option that follows wildcards, unless it is given", () => {
  const words = { encode: () => [1], ...{ vocabularySize: 2, startId: 0, endId: 1 } }
  const [one = ""] = promptNotices(words, ["a __colour__ ring"])
  const [two = ""] = promptNotices(words, ["a __colour__ ring", "a __shape__"])
  for (const notice of [one, two]) {
    expect(withOption(notice, undefined)).toMatch(
      /For wildcards, give the folder of their files with --wildcard_dir\.$/,
    )
    expect(withOption(notice, "wildcards")).toBe(notice)
  }
  const [other = ""] = promptNotices(words, ["a {red|blue ring"])
  expect(withOption(other, undefined)).toBe(other)
})
