import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { CoreError } from "../errors.ts"
import { a1111Text, readA1111Text } from "./a1111-text.ts"
import { anyRecipe } from "./any-recipe.test-help.ts"
import { readPictureText } from "./picture-text.ts"
import { createRecipe } from "./read-recipe.ts"

const TEXT = `a (red:1.2) star, <lora:style:0.8>
in two lines
Negative prompt: blurry,
low quality
Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 123, Size: 512x768, Model hash: 31e35c80fc, Model: sd_xl_base_1.0, VAE hash: 235745af8d, VAE: sdxl_vae.safetensors, Clip skip: 2, RNG: CPU, Version: v1.9.4`

const SIZE = { width: 8, height: 8 }
const withSettings = (more: string): string => TEXT.replace("Size: 512x768", `Size: 512x768, ${more}`)

describe("the text of stable-diffusion-webui", () => {
  it("is read as a recipe", () => {
    const { program, recipes, notices } = readPictureText(new Map([["parameters", TEXT]]), SIZE)
    expect({ program, notices }).toEqual({ program: "a1111", notices: [] })
    expect(recipes.map((recipe) => createRecipe(recipe))).toMatchObject([
      {
        ...{ prompt: "a (red:1.2) star, <lora:style:0.8>\nin two lines", negativePrompt: "blurry,\nlow quality" },
        ...{ steps: 20, sampler: "dpmpp_2m", spacing: "karras", guidanceScale: 7, seed: 123, noise: "torch-cpu" },
        ...{ width: 512, height: 768 },
        model: { checkpoint: { path: "sd_xl_base_1.0" }, vae: { path: "sdxl_vae.safetensors" } },
      },
    ])
  })

  it("draws noise on the graphics card where it does not say otherwise, and knows names of old versions", () => {
    const old = TEXT.replace("DPM++ 2M, Schedule type: Karras", "DPM++ 2M Karras").replace("RNG: CPU, ", "")
    expect(readA1111Text(old).recipe).toMatchObject({ sampler: "dpmpp_2m", spacing: "karras", noise: "torch-cuda" })
  })

  it("says that the steps of SDE samplers get other noise", () => {
    const { notices } = readA1111Text(TEXT.replace("DPM++ 2M,", "DPM++ 2M SDE,"))
    expect(notices).toEqual([
      "The steps of DPM++ 2M SDE get other noise than in stable-diffusion-webui. The picture differs in its details.",
    ])
  })

  it("has hires fix", () => {
    const hires = "Denoising strength: 0.4, Hires upscale: 2, Hires steps: 12, Hires upscaler: Latent (bicubic)"
    const { recipe, notices } = readA1111Text(withSettings(hires))
    expect(notices).toEqual([])
    expect(recipe).toMatchObject({
      ...{ width: 1024, height: 1536, steps: 12 },
      hires: { scale: 0.5, steps: 20, strength: 0.4, upscaler: "latents-bicubic" },
    })
    const { notices: said } = readA1111Text(
      withSettings("Denoising strength: 0.4, Hires upscale: 2, Hires upscaler: R-ESRGAN 4x+"),
    )
    expect(said).toEqual(["The picture was enlarged by R-ESRGAN 4x+. Here it is enlarged by Lanczos."])
  })

  it("names ControlNets and LLLites, whose pictures it does not hold", () => {
    const unit =
      'ControlNet 0: "Module: canny, Model: kohya_controllllite_xl_canny [2ed264be], Weight: 0.75, Resize Mode: Crop and Resize, Guidance Start: 0.1, Guidance End: 0.8, Control Mode: Balanced"'
    const { recipe, notices } = readA1111Text(withSettings(unit))
    expect(recipe.adapters).toEqual([
      {
        ...{ file: { path: "kohya_controllllite_xl_canny" }, control: null, strength: 0.75 },
        window: { start: 0.1, end: 0.8 },
      },
    ])
    expect(notices).toEqual([
      "The picture of kohya_controllllite_xl_canny was made by the preprocessor canny. Give the picture that it made.",
    ])
  })

  it("says what it does not understand", () => {
    const { notices } = readA1111Text(withSettings("Tiling: True, ADetailer model: face.pt, Denoising strength: 0.5"))
    expect(notices).toEqual([
      "The picture was made from another one, which its text does not name. Give that with --image_path.",
      "Of the picture's text, this is not followed: Tiling, ADetailer model.",
    ])
  })

  it.each([
    ["a cat", 'has no line that begins with "Steps:"'],
    [TEXT.replace("Steps: 20", "Steps: abc"), 'Steps of "parameters" is "abc", expected a number'],
    [TEXT.replace("CFG scale: 7", "CFG scale: seven"), 'CFG scale of "parameters" is "seven", expected a number'],
    [TEXT.replace("Size: 512x768, ", ""), 'Size of "parameters" is missing, expected WIDTHxHEIGHT'],
    [TEXT.replace("Seed: 123, ", ""), 'Seed of "parameters" is missing'],
    [TEXT.replace("DPM++ 2M,", "DPM++ 2N,"), 'Did you mean "DPM++ 2M"?'],
    [TEXT.replace("RNG: CPU", "RNG: dice"), "expected CPU, GPU or NV"],
  ])("is refused: %j", (text, message) => {
    expect(() => readA1111Text(text)).toThrow(message)
  })

  it("is refused by a CoreError whatever it is", () => {
    const setting = fc.tuple(
      fc.constantFrom("Size", "Seed", "Sampler", "Hires upscale", "ControlNet 0", "VAE"),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.array(setting)), (value) => {
        const text =
          typeof value === "string" ? value : withSettings(value.map(([name, each]) => `${name}: ${each}`).join(", "))
        try {
          createRecipe(readA1111Text(text).recipe)
        } catch (error) {
          expect(error).toBeInstanceOf(CoreError)
        }
      }),
    )
  })

  it("is written so that it reads back", () => {
    const recipe = createRecipe({
      ...{ prompt: "a red star", negativePrompt: "blurry", seed: "18446744073709551615", width: 512, height: 768 },
      ...{ steps: 12, guidanceScale: 3.5, sampler: "dpmpp_2m", spacing: "karras", noise: "torch-cpu" },
      hires: { scale: 0.5, steps: 20, strength: 0.4, upscaler: "latents-bilinear" },
      model: { checkpoint: { path: "/m/xl.safetensors" }, vae: { path: "v.safetensors" } },
      loras: [{ file: { path: "/l/style.safetensors" }, strength: 0.8 }],
      adapters: [{ file: { path: "/a/canny.safetensors" }, strength: 0.75, window: { start: 0.25, end: 1 } }],
    })
    const { loras: _, ...rest } = recipe
    expect(createRecipe(readA1111Text(a1111Text(recipe)).recipe)).toEqual({
      ...rest,
      ...{ prompt: "a red star <lora:style:0.8>", loras: [] },
      model: { ...recipe.model, checkpoint: { path: "xl" } },
      adapters: [{ ...recipe.adapters[0], file: { path: "canny" } }],
    })
  })

  it("can be written for every recipe, and has its prompt and seed", () => {
    fc.assert(
      fc.property(anyRecipe, (recipe) => {
        const text = a1111Text(recipe)
        expect(text.startsWith(recipe.prompt)).toBe(true)
        expect(text).toContain(`Seed: ${recipe.seed}`)
      }),
    )
  })
})
