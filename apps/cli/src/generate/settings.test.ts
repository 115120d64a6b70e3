import { createRecipe, recipeText } from "@lllite/core/recipe"
import { describe, expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import { GENERATE_OPTIONS } from "./options.ts"
import { checkGenerateOptions, readGenerateSettings } from "./settings.ts"

const least = { ckpt: "tiny", prompt: "a red star", outdir: "out" }
const read = (more: Record<string, unknown> = {}) => {
  const reader = readRecord(GENERATE_OPTIONS, { ...least, ...more })
  checkGenerateOptions(reader)
  return readGenerateSettings(reader)
}
const two = { control_net_lllite_models: ["/m/a.safetensors", "b"], guide_image_path: ["p", "q"] }

describe("readGenerateSettings", () => {
  it("fills in defaults", () => {
    const { recipe, ...rest } = read()
    expect(rest).toEqual({ pictures: 1, vaeSlices: undefined, outdir: "out", runtime: {}, notices: [] })
    const { prompt, seed } = recipe
    expect(recipe).toEqual(
      createRecipe({ prompt, seed, width: 128, height: 128, model: { checkpoint: { path: "tiny" } } }),
    )
    expect(prompt).toBe("a red star")
    expect(read({ ckpt: "sdxl.safetensors", W: "512" }).recipe).toMatchObject({ width: 512, height: 512 })
    expect(read({ ckpt: "sdxl.safetensors" }).recipe).toMatchObject({ width: 1024, height: 1024 })
  })

  it("reads the backend and the precision", () => {
    const runtime = { backend: "tensorflow", precision: "BF16", weights: "F16" }
    expect(read(runtime).runtime).toEqual(runtime)
    // Any name of a dtype is taken.
    expect(read({ ...runtime, precision: "bfloat16", weights: "fp16" }).runtime).toEqual(runtime)
  })

  it("takes parts of the model from elsewhere, and slices for the VAE", () => {
    const { recipe, vaeSlices } = read({ vae: "v.safetensors", unet: "u", vae_slices: "4", v_parameterization: true })
    expect(recipe.model).toEqual({
      checkpoint: { path: "tiny" },
      vae: { path: "v.safetensors" },
      unet: { path: "u" },
      prediction: "v",
    })
    expect(vaeSlices).toBe(4)
  })

  it("takes the first seed and a number of pictures", () => {
    expect(read({ seed: "7", images_per_prompt: "3" })).toMatchObject({ recipe: { seed: 7 }, pictures: 3 })
    expect(read({ seed: "712345678901234" }).recipe.seed).toBe(712345678901234)
    expect(read({ seed: "18446744073709551613", images_per_prompt: 3 }).recipe.seed).toBe("18446744073709551613")
  })

  it("joins every LLLite with its control, strength and end", () => {
    const { recipe } = read({ ...two, control_net_multipliers: ["1", "0.5"], control_net_ratios: ["1", "0.6"] })
    const used = (path: string, control: string, strength: number, end: number) => ({
      ...{ kind: "lllite", file: { path }, strength, window: { start: 0, end } },
      control: { file: { path: control }, fit: "stretch" },
    })
    expect(recipe.adapters).toEqual([used("/m/a.safetensors", "p", 1, 1), used("b", "q", 0.5, 0.6)])
  })

  it.each([
    [{ prompt: undefined }, /--prompt is missing/],
    [{ ckpt: undefined }, /--ckpt is missing/],
    [{ W: "100" }, /--W is 100, expected a multiple of 32\. The nearest is 96/],
    [{ H: "130" }, /--H is 130, expected a multiple of 32\. The nearest is 128/],
    [{ steps: "0" }, /--steps is 0, expected a whole number from 1 to 1000/],
    [{ vae_slices: "-1" }, /--vae_slices is -1, expected a whole number from 1/],
    [{ sampler: "eule" }, /sampler is "eule", expected one of ddim/],
    [{ backend: "cuda" }, /backend is "cuda", expected one of webgpu, tensorflow, wasm, cpu/],
    [{ seed: "-1" }, /--seed is -1, expected a whole number from 0 to 2\^64 - 1\. For a random seed, leave it out/],
    [{ seed: "18446744073709551616" }, /--seed is 18446744073709551616, expected a whole number from 0 to 2\^64 - 1/],
    [
      { seed: "18446744073709551615", images_per_prompt: 2 },
      /expected at most 2\^64 - 2: each picture has the next seed/,
    ],
    [
      { steps: "20.5", flip: 1, sampler: "eulr" },
      /test: 3 problems:\n {2}- --steps is 20\.5.*\n {2}- there is no option --flip.*\n {2}- --sampler is "eulr".*Did you mean euler\?/,
    ],
    [{ n: "a", negative_prompt: "b" }, /mean the same/],
    [{ control_net_lllite_models: ["a"] }, /--guide_image_path is missing/],
    [{ ...two, guide_image_path: ["p"] }, /--guide_image_path has 1 entry and --control_net_lllite_models 2/],
    [{ guide_image_path: ["p"] }, /has 1 entry and --control_net_lllite_models 0/],
    [{ ...two, control_net_ratios: ["1", "2"] }, /--control_net_ratios has 2, expected a number from 0 to 1/],
  ])("refuses %j", (more, message) => {
    expect(() => read(more)).toThrow(message)
  })
})

it("puts the settings into the picture, without the user's folders", () => {
  const { recipe } = read({
    ...two,
    ckpt: "/home/ada/sdxl.safetensors",
    vae: "/home/ada/v.safetensors",
    W: "64",
    seed: "7",
  })
  const text = recipeText(recipe)
  expect(Object.fromEntries(text)).toMatchObject({
    prompt: "a red star",
    seed: "7",
    sampler: "euler",
    steps: "20",
    scale: "7.5",
    "negative-prompt": "",
    "original-width": "64",
    checkpoint: "sdxl.safetensors",
    vae: "v.safetensors",
    "control-net-lllite": "a.safetensors strength 1 end 1; b strength 1 end 1",
  })
})
