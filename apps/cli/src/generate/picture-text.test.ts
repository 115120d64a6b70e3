import { createRecipe, readRecipeText } from "@lllite/core/recipe"
import { expect, it } from "vitest"
import { pictureText } from "./picture-text.ts"

const recipe = createRecipe({
  ...{ prompt: "a red ring", seed: 7, width: 64, height: 64, negativeScale: 1.5 },
  model: { checkpoint: { path: "tiny" } },
})

it("keeps what was written and what is for CLIP guidance, under sd-scripts' keywords", () => {
  const written = "a {red|blue} ring --c sharp"
  const text = pictureText({ recipe, written, clipPrompt: "sharp" }, false)
  expect([text.get("raw-prompt"), text.get("clip-prompt"), text.get("prompt")]).toEqual([
    written,
    "sharp",
    "a red ring",
  ])
  expect(readRecipeText(text, recipe)).toEqual(recipe)
})

it("has no such text for a prompt that was drawn as it was written", () => {
  const text = pictureText({ recipe, written: "a red ring", clipPrompt: null }, false)
  expect([text.has("raw-prompt"), text.has("clip-prompt"), text.has("workflow")]).toEqual([false, false, false])
})

it("writes the scale of the negative prompt as sd-scripts does, and reads it without the recipe", () => {
  const text = new Map(pictureText({ recipe, written: "a red ring", clipPrompt: null }, true))
  text.delete("lllite-recipe")
  expect(text.get("negative-scale")).toBe("1.5")
  expect(readRecipeText(text, recipe).negativeScale).toBe(1.5)
})
