import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { anyRecipe } from "../recipe/any-recipe.test-help.ts"
import { createRecipe } from "../recipe/read-recipe.ts"
import type { RecipeInput } from "../recipe/recipe.ts"
import { NODE_TYPES } from "./node-types.ts"
import { readWorkflow } from "./read-workflow.ts"
import { writeWorkflow } from "./write-workflow.ts"

const COMFY: RecipeInput = {
  ...{
    prompt: "a (red:1.2) star",
    negativePrompt: "blurry",
    firstPrompt: "a star",
    seed: 7,
    noise: "torch-cpu",
    width: 128,
    height: 96,
  },
  ...{ steps: 12, guidanceScale: 3, sampler: "dpmpp_2m", spacing: "karras", combine: "chain-comfyui" },
  spacingOptions: { startScale: "unit-variance" },
  prompts: { syntax: "comfyui", clipSkip: 3 },
  size: { original: [96, 128], crop: [0, 8], target: [96, 128] },
  model: {
    ...{ checkpoint: { path: "xl.safetensors" }, unet: { path: "u.safetensors" }, vae: { path: "v.safetensors" } },
    prediction: "v",
    loras: [{ file: { path: "style.safetensors" }, strength: 0.5, textStrength: 0.25 }],
  },
  adapters: [
    { file: { path: "a.safetensors" }, control: { file: { path: "a.png" }, fit: "stretch" }, strength: 0.8 },
    {
      ...{ file: { path: "b.safetensors" }, control: { file: { path: "b.png" }, fit: "stretch" } },
      window: { start: 0.25, end: 0.75, by: "comfyui" },
    },
    {
      ...{ kind: "controlnet", file: { path: "c.safetensors" }, control: { file: { path: "c.png" }, fit: "stretch" } },
      ...{ strength: 0.6, window: { start: 0.1, end: 0.9 }, controlType: "canny" },
    },
  ],
}

describe("a workflow of a recipe", () => {
  it.each(["ui", "api"] as const)("reads back as the recipe, in the %s form", (form) => {
    const recipe = createRecipe(COMFY)
    const written = writeWorkflow(recipe)
    expect(written.notices).toEqual([])
    const { recipes, notices } = readWorkflow(JSON.parse(JSON.stringify(written[form])))
    expect(notices).toEqual([])
    expect(recipes.map((each) => createRecipe(each))).toEqual([recipe])
  })

  it.each([
    {},
    { hires: { scale: 0.5, upscaler: "lanczos" } },
    { hires: { scale: 0.5, upscaler: "latents-bicubic" } },
    { start: { image: { path: "start.png" }, strength: 0.5 } },
  ] as const)("keeps the place in a batch whose noise is drawn at once, with %j", (stages) => {
    const recipe = createRecipe({ ...COMFY, height: 128, adapters: [], ...stages, batch: { index: 2, count: 4 } })
    const { recipes } = readWorkflow(JSON.parse(JSON.stringify(writeWorkflow(recipe).ui)))
    expect(recipes.map(({ seed, batch }) => ({ seed, batch }))).toEqual([{ seed: "7", batch: { index: 2, count: 4 } }])
  })

  it.each(["ui", "api"] as const)("has the parts of a prompt, in the %s form", (form) => {
    const again = (input: Partial<RecipeInput>) => {
      const { firstPrompt: _, ...rest } = COMFY
      const recipe = createRecipe({ ...rest, prompts: { syntax: "comfyui-joined" }, ...input })
      const written = writeWorkflow(recipe)
      expect(written.notices).toEqual([])
      const [read] = readWorkflow(JSON.parse(JSON.stringify(written[form]))).recipes
      expect(read === undefined ? null : createRecipe(read)).toEqual(recipe)
    }
    again({ prompt: "a (cat:1.2) :0.5 AND a dog BREAK fur :0.5", negativePrompt: "blurry BREAK dark" })
    const area = { left: 0.5, top: 0, width: 0.5, height: 1 }
    again({
      prompt: "a :1 AND b :1 AND c :1 AND d :1",
      parts: [
        { start: 0.25, end: 0.5 },
        { strength: 2, mask: { file: { path: "left.png" } } },
        { area, strength: 0.5, end: 0.75, sees: "area" },
        { strength: 3, textWeight: 0.5, mix: [{ text: "e BREAK f", weight: 0.25 }] },
      ],
      negativePrompt: "blurry :1 AND dark :1",
      negativeParts: [{ textWeight: 0 }, { area, strength: 0.5, end: 0.75, sees: "area" }],
    })
    again({
      prompt: "a",
      parts: [{ mask: { file: { path: "left.png" } }, sees: "mask" }],
      negativePrompt: "a :1 AND a :1",
      negativeParts: [{}, { mask: { file: { path: "left.png" } }, sees: "mask" }],
    })
  })

  it.each(["ui", "api"] as const)("has a start picture with a mask, and two stages, in the %s form", (form) => {
    const adapters = COMFY.adapters?.filter(({ window }) => window?.by === undefined) ?? []
    const { size: _, prompts, ...rest } = COMFY
    const base: RecipeInput = { ...rest, adapters, prompts: { ...prompts, clipSkip: 2 }, guidanceRescale: 0.7 }
    const again = (input: RecipeInput) => {
      const written = writeWorkflow(createRecipe(input))
      expect(written.notices).toEqual([])
      const read = readWorkflow(JSON.parse(JSON.stringify(written[form])))
      expect(read.notices).toEqual([])
      return read.recipes.map((each) => createRecipe(each))
    }
    const start = { image: { path: "photo.png" }, mask: { path: "mask.png" }, strength: 0.75 }
    expect(again({ ...base, start })).toEqual([createRecipe({ ...base, start })])
    for (const upscaler of ["lanczos", "latents-bicubic", "latents-bilinear"] as const) {
      const sampling = { guidanceScale: 5, sampler: "euler", spacing: "uniform", samplerOptions: {} } as const
      const hires = {
        ...{
          scale: 0.5,
          steps: 8,
          strength: 0.5,
          upscaler,
          control: upscaler !== "lanczos",
          seedOffset: "18446744073709551615",
        },
        sampling: { ...sampling, spacingOptions: { startScale: "unit-variance" as const } },
      }
      const large = {
        ...base,
        width: 256,
        height: 192,
        adapters: hires.control ? adapters : adapters.slice(0, 1),
        hires,
      }
      expect(again(large)).toEqual([createRecipe(large)])
    }
  })

  it("begins each stage at a step of its own steps", () => {
    const recipe = createRecipe({
      ...{ prompt: "a", seed: 1, width: 128, height: 96, model: { checkpoint: { path: "tiny" } }, sampler: "euler" },
      ...{ steps: 20, start: { image: { path: "a.png" }, strength: 0.5 } },
      hires: { scale: 0.5, steps: 10, strength: 0.25 },
    })
    const samplers = Object.values(writeWorkflow(recipe).api).filter(({ class_type }) =>
      class_type.includes("KSampler"),
    )
    expect(samplers.map(({ inputs }) => [inputs.steps, inputs.start_at_step])).toEqual([
      [10, 5],
      [20, 15],
    ])
  })

  it("says what ComfyUI has no words for", () => {
    const recipe = createRecipe({
      ...{ prompt: "a", seed: 1, width: 64, height: 64, model: { checkpoint: { path: "tiny" } } },
      ...{ sampler: "pndm", hires: { scale: 0.5 } },
      adapters: [{ file: { path: "a" }, window: { start: 0.5, end: 1 }, curve: [{ at: 0, strength: 1 }] }],
    })
    expect(writeWorkflow(recipe).notices).toEqual([
      "ComfyUI has no sampler that is pndm with leading. The workflow has euler with normal.",
      "The workflow does not say: noise of lllite, where ComfyUI draws torch-cpu; prompts in the syntax weighted, where ComfyUI weighs words in its own way; curves, blocks, sides, masks or holes of LLLites; windows by the schedule, where kohya's node counts steps; the control picture, which is not recorded.",
    ])
  })

  it("says that ComfyUI begins with more noise, in one stage or two", () => {
    const base: RecipeInput = {
      ...{ prompt: "a", seed: 1, width: 64, height: 64, model: { checkpoint: { path: "tiny" } } },
      ...{ noise: "torch-cpu", prompts: { syntax: "comfyui" }, sampler: "euler" },
    }
    const notices = (more: Partial<RecipeInput>) => writeWorkflow(createRecipe({ ...base, ...more })).notices
    const less = "ComfyUI begins with noise times √(sigma² + 1)"
    expect(notices({})).toEqual([expect.stringContaining(less)])
    expect(notices({ hires: { scale: 0.5 } })).toEqual([expect.stringContaining(less)])
    expect(notices({ spacingOptions: { startScale: "unit-variance" } })).toEqual([])
    expect(notices({ start: { image: { path: "a.png" } } })).toEqual([])
  })

  it("has links whose ends exist and whose types are those of the nodes, for any recipe", () => {
    fc.assert(
      fc.property(anyRecipe, (recipe) => {
        const { ui, api } = writeWorkflow(recipe)
        const typeOf = (id: number) => NODE_TYPES[api[String(id)]?.class_type as keyof typeof NODE_TYPES]
        for (const [, from, slot, to, , type] of ui.links) {
          expect(typeOf(from).outputs[slot]).toBe(type)
          expect(typeOf(to)).toBeDefined()
        }
        expect(ui.nodes).toHaveLength(Object.keys(api).length)
        expect(() => readWorkflow(api)).not.toThrow(/not there|expected (MODEL|CLIP|VAE|IMAGE|LATENT|CONDITIONING)/)
      }),
      { numRuns: 40 },
    )
  })
})
