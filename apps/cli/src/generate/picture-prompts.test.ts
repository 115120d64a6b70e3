import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createRecipe } from "@lllite/core/recipe"
import { blankImage, writePng } from "@lllite/runtime-node"
import { afterAll, beforeAll, expect, it } from "vitest"
import { picturePrompts } from "./picture-prompts.ts"
import { pictureText } from "./picture-text.ts"

let folder = ""
const at = (name: string): string => join(folder, name)
const image = blankImage(64, 64, [9, 9, 9])
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-prompts-"))
  const recipe = createRecipe({
    ...{ prompt: "a {red} ring", negativePrompt: "blue", seed: 7, width: 64, height: 64 },
    model: { checkpoint: { path: "tiny" } },
  })
  await writePng(at("own/1.png"), image, pictureText({ recipe, written: recipe.prompt, clipPrompt: null }, true))
  const parameters =
    "a star <lora:ink:1>\nNegative prompt: grey\nSteps: 5, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 64x64"
  await writePng(at("own/2.png"), image, new Map([["parameters", parameters]]))
  await writePng(at("bare.png"), image)
})
afterAll(() => rm(folder, { recursive: true }))

it("reads the prompts of start pictures from their text, with the place of each picture", async () => {
  expect(await picturePrompts(at("own"))).toEqual([
    {
      ...{ text: "a {red} ring", negativePrompt: "blue", start: 0, where: `"${at("own/1.png")}"` },
      ...{ isLiteral: true, hasGroups: false, hasTags: false },
    },
    {
      ...{ text: "a star <lora:ink:1>", negativePrompt: "grey", start: 1, where: `"${at("own/2.png")}"` },
      ...{ isLiteral: true, hasGroups: false, hasTags: true },
    },
  ])
})

it("names a start picture whose text holds no prompt", async () => {
  await expect(picturePrompts(at("bare.png"))).rejects.toThrow(
    /^there is no prompt, and the start picture has none: ".*bare\.png": .* Give one with --prompt\.$/,
  )
})
