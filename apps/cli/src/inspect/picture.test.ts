import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createRecipe, type RecipeInput, recipeText } from "@lllite/core/recipe"
import { blankImage, writePng } from "@lllite/runtime-node"
import { afterAll, beforeAll, expect, it } from "vitest"
import { inspectPicture, pictureText } from "./picture.ts"

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-inspect-"))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const RECIPE: RecipeInput = {
  ...{ prompt: "a star", negativePrompt: "blurry", seed: 7, noise: "torch-cpu", batch: { index: 1, count: 4 } },
  ...{ width: 64, height: 96, steps: 4, guidanceScale: 1.5 },
  model: { checkpoint: { path: "tiny" }, loras: [{ file: { path: "style.safetensors" }, strength: 0.5 }] },
  adapters: [
    {
      ...{ file: { path: "canny.safetensors" }, control: { file: { path: "edges.png" }, fit: "crop" } },
      ...{ strength: 0.8, window: { start: 0, end: 0.5 } },
    },
  ],
  start: { image: { path: "start.png" }, strength: 0.6 },
}

async function pictureWith(text: ReadonlyMap<string, string>): Promise<string> {
  const path = join(folder, "picture.png")
  await writePng(path, blankImage(64, 96, [0, 0, 0]), text)
  return path
}

it("shows how a picture of LLLite was made", async () => {
  const recipe = createRecipe(RECIPE)
  const report = await inspectPicture(await pictureWith(new Map(recipeText(recipe))))
  expect(report).toMatchObject({ kind: "picture", program: "lllite", width: 64, height: 96, recipes: [recipe] })
  const lines = pictureText(report).split("\n")
  expect(lines.slice(1).map((line) => line.replace(/ {2,}/, ": "))).toEqual([
    "kind: picture: made by LLLite",
    "size: 64x96",
    "prompt: a star",
    "negative: blurry",
    "seed: 7, noise of torch-cpu, picture 2 of a batch of 4",
    "steps: 4, euler, linspace, guidance scale 1.5",
    "stage: from start.png with strength 0.6",
    "model: tiny",
    "lora: style.safetensors, strength 0.5",
    "lllite: canny.safetensors, strength 0.8, from 0 to 0.5, follows edges.png",
  ])
})

it("shows the text of another program, and names what is not followed", async () => {
  const parameters = "a star\nSteps: 4, Sampler: Euler a, CFG scale: 2, Seed: 5, Size: 64x96, Model: xl, Tiling: True"
  const report = await inspectPicture(await pictureWith(new Map([["parameters", parameters]])))
  const text = pictureText(report)
  expect(text).toMatch(/^kind +picture: made by stable-diffusion-webui$/m)
  expect(text).toMatch(/^steps +4, euler_a/m)
  expect(text).toMatch(/^note .*: Tiling\.$/m)
})

it("refuses a picture without such a text", async () => {
  await expect(inspectPicture(await pictureWith(new Map()))).rejects.toThrow(/picture\.png": .*no "prompt"/)
})
