import { createRecipe, recipeText } from "@lllite/core/recipe"
import { describe, expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import { GENERATE_OPTIONS } from "./options.ts"
import { checkGenerateOptions, planOf, readGenerateSettings } from "./settings.ts"

const least = { ckpt: "tiny", prompt: "a red star", outdir: "out" }
const read = async (more: Record<string, unknown> = {}) => {
  const reader = readRecord(GENERATE_OPTIONS, { ...least, ...more })
  checkGenerateOptions(reader)
  const source = { text: reader.settings.prompt ?? "", where: "--prompt" }
  const uses = reader.settings.networkWeights.map((path, i) => ({
    ...{ file: { path }, strength: reader.settings.networkMul[i] ?? 1 },
  }))
  const planned = await planOf(reader, [source], { merged: [], live: uses, textualInversions: [] })
  const settings = readGenerateSettings(reader, planned)
  const [first] = settings.pictures
  if (first === undefined) throw new Error("there is no picture")
  return { ...settings, recipe: first.recipe, seeds: settings.pictures.map(({ recipe }) => recipe.seed) }
}
const two = { control_net_lllite_models: ["/m/a.safetensors", "b"], guide_image_path: ["p", "q"] }

describe("readGenerateSettings", () => {
  it("fills in defaults", async () => {
    const { recipe, pictures, seeds, ...rest } = await read()
    expect(rest).toEqual({
      strict: false,
      naming: "seeded",
      firstStage: false,
      vaeSlices: undefined,
      batchSize: undefined,
      outdir: "out",
      runtime: {},
      notices: [],
    })
    expect(pictures).toEqual([{ recipe, written: recipe?.prompt, tags: [], fileName: null, clipPrompt: null }])
    const { prompt, seed } = recipe
    expect(recipe).toEqual(
      createRecipe({ prompt, seed, width: 128, height: 128, model: { checkpoint: { path: "tiny" } } }),
    )
    expect(prompt).toBe("a red star")
    expect((await read({ ckpt: "sdxl.safetensors", W: "512" })).recipe).toMatchObject({ width: 512, height: 512 })
    expect((await read({ ckpt: "sdxl.safetensors" })).recipe).toMatchObject({ width: 1024, height: 1024 })
  })

  it("reads the backend and the precision", async () => {
    const runtime = { backend: "tensorflow", precision: "BF16", weights: "F16" }
    expect((await read(runtime)).runtime).toEqual(runtime)
    // Any name of a dtype is taken.
    expect((await read({ ...runtime, precision: "bfloat16", weights: "fp16" })).runtime).toEqual(runtime)
  })

  it("takes parts of the model from elsewhere, and slices for the VAE", async () => {
    const { recipe, vaeSlices } = await read({
      vae: "v.safetensors",
      unet: "u",
      vae_slices: "4",
      v_parameterization: true,
    })
    expect(recipe.model).toEqual({
      checkpoint: { path: "tiny" },
      vae: { path: "v.safetensors" },
      unet: { path: "u" },
      prediction: "v",
      loras: [],
    })
    expect(vaeSlices).toBe(4)
  })

  it("takes the first seed and a number of pictures", async () => {
    expect((await read({ seed: "7", images_per_prompt: "3" })).seeds).toEqual([7, 8, 9])
    expect((await read({ seed: "7", images_per_prompt: "2", n_iter: "2" })).seeds).toEqual([7, 8, 9, 10])
    expect((await read({ seed: "7", images_per_prompt: "2", n_iter: "2", iter_same_seed: true })).seeds).toEqual([
      7, 7, 8, 8,
    ])
    expect((await read({ seed: "712345678901234" })).recipe.seed).toBe(712345678901234)
    const large = { seed: "18446744073709551613", images_per_prompt: "3" }
    expect((await read(large)).seeds).toEqual(["18446744073709551613", "18446744073709551614", "18446744073709551615"])
  })

  it("takes how prompts are read", async () => {
    expect((await read()).recipe.prompts).toMatchObject({ syntax: "weighted", maxChunks: null, clipSkip: 2 })
    const options = { max_embeddings_multiples: "3", emb_normalize_mode: "abs", clip_skip: "1", compat: "sd-scripts" }
    expect((await read({ ...options, prompt_syntax: "plain" })).recipe.prompts).toEqual({
      ...{ syntax: "plain", maxChunks: 3, normalization: "abs", clipSkip: 1, compat: "sd-scripts" },
    })
  })

  it("takes LoRAs with their strengths", async () => {
    const loras = { network_module: "networks.lora", network_weights: ["a", "b"] }
    expect((await read({ ...loras, network_mul: ["0.5", "-1"] })).recipe.loras).toEqual([
      { file: { path: "a" }, strength: 0.5, textStrength: 0.5, blocks: {} },
      { file: { path: "b" }, strength: -1, textStrength: -1, blocks: {} },
    ])
    expect((await read(loras)).recipe.loras.map(({ strength }) => strength)).toEqual([1, 1])
  })

  it("takes SDXL's conditions on sizes", async () => {
    expect((await read({ W: "64", H: "96" })).recipe.size).toEqual({
      original: [96, 64],
      crop: [0, 0],
      target: [96, 64],
    })
    const size = { original_width: "640", original_height: "512", crop_top: "8", crop_left: "16" }
    expect((await read({ ...size, W: "64", H: "96" })).recipe.size).toEqual({
      original: [512, 640],
      crop: [8, 16],
      target: [96, 64],
    })
  })

  it("joins every LLLite with its control, strength and end", async () => {
    const { recipe } = await read({ ...two, control_net_multipliers: ["1", "0.5"], control_net_ratios: ["1", "0.6"] })
    const used = (path: string, control: string, strength: number, end: number) => ({
      ...{ kind: "lllite", file: { path }, strength, window: { start: 0, end } },
      control: { file: { path: control }, fit: "stretch" },
    })
    expect(recipe.adapters).toEqual([used("/m/a.safetensors", "p", 1, 1), used("b", "q", 0.5, 0.6)])
  })

  it("preprocesses and fits controls, and leaves what a list lacks at its default, as sd-scripts does", async () => {
    const lists = { control_net_preps: ["canny_50_150"], control_net_weights: ["0.5"], guide_fit: "pad" }
    const { recipe } = await read({ ...two, ...lists })
    expect(recipe.adapters).toMatchObject([
      {
        strength: 0.5,
        control: { fit: "pad", preprocess: { kind: "canny", options: { low: 50, high: 150, grey: true } } },
      },
      { strength: 1, control: { file: { path: "q" }, fit: "pad" } },
    ])
    expect(recipe.adapters[1]?.control?.preprocess).toBeUndefined()
  })

  it.each([
    [{ prompt: undefined }, /--prompt is missing/],
    [{ ckpt: undefined }, /--ckpt is missing/],
    [{ W: "100" }, /--W is 100, expected a multiple of 8\. The nearest is 104/],
    [{ H: "130" }, /--H is 130, expected a multiple of 8\. The nearest is 128/],
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
    [{ guide_image_path: ["p"] }, /has 1 entry and --control_net_lllite_models 0, expected LLLites that follow them/],
    [{ ...two, control_net_multipliers: ["1", "1", "1"] }, /multipliers has 3 entries and .* 2, expected at most one/],
    [{ ...two, control_net_multipliers: ["1"], control_net_weights: ["1"] }, /mean the same/],
    [{ control_net_preps: ["canny"] }, /--control_net_preps has 1 entry and --control_net_lllite_models 0/],
    [
      { ...two, control_net_preps: ["none", "depth"] },
      /--control_net_preps: "depth" needs a trained network, which is not run here/,
    ],
    [
      { ...two, control_net_preps: ["canny_-1_2"] },
      /--control_net_preps: low of canny is -1, expected a number from 0/,
    ],
    [{ ...two, guide_fit: "fill" }, /--guide_fit is "fill", expected one of stretch, crop, pad/],
    [{ from_file: "p.txt" }, /--prompt and --from_file are both given/],
    [
      { network_weights: ["a"], network_mul: ["1", "1"] },
      /--network_mul has 2 entries and --network_weights 1, expected one for each LoRA/,
    ],
    [{ clip_skip: "13" }, /--clip_skip is 13, expected a whole number from 1 to 12/],
    [{ emb_normalize_mode: "mean" }, /--emb_normalize_mode is "mean", expected one of original, abs, none/],
    [{ ...two, control_net_ratios: ["1", "2"] }, /--control_net_ratios has 2, expected a number from 0 to 1/],
  ])("refuses %j", async (more, message) => {
    await expect(read(more)).rejects.toThrow(message)
  })
})

it("puts the settings into the picture, without the user's folders", async () => {
  const { recipe } = await read({
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
