import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { needs } from "../../../format/test/needs.ts"
import { API_WORKFLOW, type ApiNode, apiWorkflow } from "../../test/workflow.ts"
import { createRecipe } from "../recipe/read-recipe.ts"
import { parseWorkflow } from "./parse.ts"
import { readWorkflow } from "./read-workflow.ts"

const SAMPLES = fileURLToPath(new URL("../../../../../shared/data/workflows", import.meta.url))

const one = (json: unknown) => readWorkflow(json).recipes[0]

describe("the author's sample", () => {
  if (!existsSync(SAMPLES)) it("is not run", needs(`${SAMPLES}, which is not there`, false), () => {})
  else {
    it.each(["v1", "v3"])("%s becomes a recipe", (form) => {
      const text = readFileSync(join(SAMPLES, `lllite_workflow.${form}.json`), "utf8")
      const { recipes, notices } = readWorkflow(parseWorkflow(text))
      expect(notices).toEqual([])
      expect(recipes).toHaveLength(1)
      expect(recipes[0]).toMatchObject({
        ...{ seed: "1", noise: "torch-cpu", width: 1024, height: 1024, steps: 36, guidanceScale: 7.5 },
        ...{ sampler: "euler", spacing: "uniform", spacingOptions: { startScale: "unit-variance" } },
        size: { original: [1024, 1024], crop: [0, 0], target: [1024, 1024] },
        model: { checkpoint: { path: "sd_xl_base_1.0_0.9vae.safetensors" }, loras: [] },
        adapters: [
          {
            file: { path: "controllllite_v01032064e_sdxl_canny_anime.safetensors" },
            ...{ control: { file: { path: "canny1.png" } }, strength: 1, window: { start: 0, end: 1 } },
          },
        ],
      })
      expect(recipes[0]?.prompt).toMatch(/^anime screen cap 1girl .*beautiful face$/)
      expect(recipes[0]?.negativePrompt).toMatch(/^nsfw, .*poorly drawn $/)
    })
  }
})

describe("a workflow in the API form", () => {
  it("becomes a recipe that is valid", () => {
    const { recipes, notices } = readWorkflow(API_WORKFLOW)
    expect(notices).toEqual([])
    expect(recipes.map((recipe) => createRecipe(recipe))).toMatchObject([
      {
        ...{ prompt: "a red star", negativePrompt: "blurry", seed: 7, noise: "torch-cpu", width: 128, height: 96 },
        ...{ steps: 4, guidanceScale: 3, sampler: "euler", spacing: "uniform" },
        size: { original: [96, 128], crop: [0, 0], target: [96, 128] },
        adapters: [{ file: { path: "canny.safetensors" }, control: { file: { path: "canny.png" } }, strength: 0.8 }],
      },
    ])
  })

  it("is read out of a request to ComfyUI's server", () => {
    expect(readWorkflow({ prompt: API_WORKFLOW, client_id: "x" })).toEqual(readWorkflow(API_WORKFLOW))
  })

  it("keeps a seed of 64 bits exactly", () => {
    const text = JSON.stringify(apiWorkflow({ 3: { inputs: { seed: 7 } } })).replace(
      '"seed":7',
      '"seed":18446744073709551615',
    )
    expect(one(parseWorkflow(text))?.seed).toBe("18446744073709551615")
  })

  it("is read with NaN in it, which Python writes", () => {
    const text = JSON.stringify({ ...API_WORKFLOW, 9: { ...API_WORKFLOW[9], is_changed: ["NaN"] } })
    expect(one(parseWorkflow(text.replace('"NaN"', "NaN")))?.prompt).toBe("a red star")
    const inText = apiWorkflow({ 6: { inputs: { text: 'say "NaN", 1234567890123456789' } } })
    expect(one(parseWorkflow(JSON.stringify(inText)))?.prompt).toBe('say "NaN", 1234567890123456789')
  })

  it("chains several LLLites in ComfyUI's order", () => {
    const second = { ...API_WORKFLOW[10]?.inputs, model: ["10", 0], model_name: "depth.safetensors" }
    const recipe = one(
      apiWorkflow({ 12: { class_type: "LLLiteLoader", inputs: second }, 3: { inputs: { model: ["12", 0] } } }),
    )
    expect(recipe?.adapters?.map(({ file }) => file.path)).toEqual(["canny.safetensors", "depth.safetensors"])
    expect(recipe?.combine).toBe("chain-comfyui")
  })

  it("takes the old loader of LLLites, which has latents and no strength", () => {
    const inputs = { model: ["4", 0], model_name: "a.safetensors", cond_image: ["9", 0], latents: ["5", 0] }
    const recipe = one(apiWorkflow({ 10: { class_type: "LLLiteLoader", inputs } }))
    expect(recipe?.adapters).toMatchObject([{ strength: 1, window: { start: 0, end: 1 } }])
  })

  it("takes a ControlNet on both prompts", () => {
    const applied = (type: string, more: object) => ({
      12: { class_type: "ControlNetLoader", inputs: { control_net_name: "depth.safetensors" } },
      13: {
        class_type: type,
        inputs: { control_net: ["12", 0], image: ["9", 0], strength: 0.5, ...more },
      },
    })
    const prompts = { positive: ["6", 0], negative: ["7", 0], start_percent: 0.2, end_percent: 0.9 }
    const advanced = (sampler: object) =>
      one(
        apiWorkflow({
          3: { inputs: { model: ["4", 0], ...sampler } },
          ...applied("ControlNetApplyAdvanced", prompts),
        }),
      )
    const file = { kind: "controlnet", file: { path: "depth.safetensors" }, strength: 0.5 }
    const window = { start: 0.2, end: 0.9 }
    expect(advanced({ positive: ["13", 0], negative: ["13", 1] })?.adapters).toMatchObject([{ ...file, window }])
    expect(advanced({ positive: ["13", 0] })?.adapters).toMatchObject([{ guidance: { cond: 1, uncond: 0 } }])
    const old = apiWorkflow({
      3: { inputs: { model: ["4", 0], positive: ["13", 0] } },
      ...applied("ControlNetApply", { conditioning: ["6", 0] }),
    })
    expect(one(old)?.adapters).toMatchObject([{ ...file, window: { start: 0, end: 1 } }])
  })

  it("takes an LLLite of Advanced-ControlNet by parts of the schedule, on both prompts or one", () => {
    const recipe = (sampler: object) =>
      one(
        apiWorkflow({
          3: { inputs: { model: ["4", 0], ...sampler } },
          12: { class_type: "ACN_ControlNetLoaderAdvanced", inputs: { cnet: "lllite.safetensors" } },
          13: {
            class_type: "ACN_AdvancedControlNetApply_v2",
            inputs: {
              ...{ positive: ["6", 0], negative: ["7", 0], control_net: ["12", 0], image: ["9", 0] },
              ...{ strength: 0.5, start_percent: 0.2, end_percent: 0.9 },
            },
          },
        }),
      )
    const both = recipe({ positive: ["13", 0], negative: ["13", 1] })?.adapters
    expect(both).toMatchObject([
      { file: { path: "lllite.safetensors" }, strength: 0.5, window: { start: 0.2, end: 0.9 } },
    ])
    expect(both?.[0]?.guidance).toBeUndefined()
    expect(recipe({ positive: ["13", 0] })?.adapters?.[0]?.guidance).toEqual({ cond: 1, uncond: 0 })
    expect(() => recipe({ negative: ["13", 1] })).toThrow("has a control on the negative prompt alone")
  })

  it("takes ControlNets beside LLLites, on both prompts", () => {
    const net = (changes: object) =>
      one(
        apiWorkflow({
          12: { class_type: "ControlNetLoader", inputs: { control_net_name: "net.safetensors" } },
          13: {
            class_type: "ControlNetApplyAdvanced",
            inputs: {
              ...{ positive: ["6", 0], negative: ["7", 0], control_net: ["12", 0], image: ["9", 0] },
              ...{ strength: 0.5, start_percent: 0, end_percent: 0.8 },
            },
          },
          3: { inputs: changes },
        }),
      )
    expect(net({ positive: ["13", 0], negative: ["13", 1] })?.adapters).toMatchObject([
      { file: { path: "canny.safetensors" } },
      { kind: "controlnet", file: { path: "net.safetensors" }, strength: 0.5, window: { start: 0, end: 0.8 } },
    ])
    expect(net({ positive: ["13", 0] })?.adapters?.at(-1)).toMatchObject({ guidance: { cond: 1, uncond: 0 } })
  })

  it("counts the steps of an LLLite as kohya's node does, and needs the sampler's number", () => {
    const window = (changes: object) => one(apiWorkflow({ 10: { inputs: changes } }))?.adapters?.[0]?.window
    expect(window({ steps: 0, start_percent: 30 })).toEqual({ start: 0, end: 1 })
    expect(window({ steps: 4, start_percent: 25 })).toEqual({ start: 0.25, end: 1, by: "comfyui" })
    expect(window({ steps: 4, end_percent: 50 })).toEqual({ start: 0, end: 0.5, by: "comfyui" })
    expect(() => window({ steps: 20, end_percent: 50 })).toThrow("counts 20. Give both the same number")
    expect(one(apiWorkflow({ 10: { inputs: { steps: 4, start_percent: 80, end_percent: 50 } } }))?.adapters).toEqual([])
  })

  it("joins the two strengths of a LoRA, and takes one for the model alone", () => {
    const recipe = one(
      apiWorkflow({
        12: {
          class_type: "LoraLoader",
          inputs: { model: ["4", 0], clip: ["4", 1], lora_name: "a", strength_model: 0.5, strength_clip: 0.25 },
        },
        13: { class_type: "LoraLoaderModelOnly", inputs: { model: ["12", 0], lora_name: "b", strength_model: 2 } },
        10: { inputs: { model: ["13", 0] } },
        6: { inputs: { clip: ["12", 1] } },
        7: { inputs: { clip: ["12", 1] } },
      }),
    )
    expect(recipe?.model.loras).toEqual([
      { file: { path: "a" }, strength: 0.5, textStrength: 0.25 },
      { file: { path: "b" }, strength: 2, textStrength: 0 },
    ])
  })

  it("takes a VAE, a U-Net, the layer of the encoders and v-prediction from their nodes", () => {
    const recipe = one(
      apiWorkflow({
        12: { class_type: "VAELoader", inputs: { vae_name: "v.safetensors" } },
        13: { class_type: "UNETLoader", inputs: { unet_name: "u.safetensors", weight_dtype: "default" } },
        14: { class_type: "CLIPSetLastLayer", inputs: { clip: ["4", 1], stop_at_clip_layer: -3 } },
        15: {
          class_type: "ModelSamplingDiscrete",
          inputs: { model: ["13", 0], sampling: "v_prediction", zsnr: false },
        },
        6: { inputs: { clip: ["14", 0] } },
        7: { inputs: { clip: ["14", 0] } },
        8: { inputs: { vae: ["12", 0] } },
        10: { inputs: { model: ["15", 0] } },
      }),
    )
    expect(recipe?.model).toMatchObject({
      ...{ checkpoint: { path: "sdxl.safetensors" }, unet: { path: "u.safetensors" }, vae: { path: "v.safetensors" } },
      prediction: "v",
    })
    expect(recipe?.prompts?.clipSkip).toBe(3)
  })

  it("makes a recipe for each picture of a batch, and for each sampler that is saved", () => {
    const { recipes, notices } = readWorkflow(
      apiWorkflow({
        5: { inputs: { batch_size: 2 } },
        12: { class_type: "KSampler", inputs: { ...API_WORKFLOW[3]?.inputs, model: ["4", 0], seed: 40 } },
        13: { class_type: "VAEDecodeTiled", inputs: { samples: ["12", 0], vae: ["4", 2], tile_size: 512 } },
        14: { class_type: "PreviewImage", inputs: { images: ["13", 0] } },
        15: { class_type: "PreviewImage", inputs: { images: ["8", 0] } },
      }),
    )
    const places = [0, 1].map((index) => ({ index, count: 2 }))
    expect(recipes.map(({ seed, batch }) => ({ seed, batch }))).toEqual([
      ...places.map((batch) => ({ seed: "7", batch })),
      ...places.map((batch) => ({ seed: "40", batch })),
    ])
    expect(notices).toEqual([])
  })

  it("takes pictures out of a batch, with the noise of their places", () => {
    const graph = {
      5: { inputs: { batch_size: 3 } },
      20: { class_type: "LatentFromBatch", inputs: { samples: ["5", 0], batch_index: 1, length: 5 } },
      3: { inputs: { ...API_WORKFLOW[3]?.inputs, latent_image: ["20", 0] } },
    }
    expect(readWorkflow(apiWorkflow(graph)).recipes.map(({ batch }) => batch)).toEqual([
      { index: 1, count: 3 },
      { index: 2, count: 3 },
    ])
  })

  it("says where the noise of steps depends on the card", () => {
    const graph = {
      5: { inputs: { width: 1024, height: 1024, batch_size: 2 } },
      3: { inputs: { ...API_WORKFLOW[3]?.inputs, sampler_name: "euler_ancestral" } },
    }
    expect(readWorkflow(apiWorkflow(graph)).notices).toEqual([
      expect.stringMatching(/^KSampler #3 makes 2 pictures\. The noise of its steps is that of a card/),
    ])
  })

  it("has the beginnings of file names, with values of nodes by their title or class", () => {
    const save = { inputs: { filename_prefix: "%date%/%KSampler.seed%_%Checkpoint.ckpt_name%_%No.x%" } }
    const titled = { ...apiWorkflow({ 11: save }) }
    const graph = { ...titled, 4: { ...titled[4], _meta: { title: "Checkpoint" } } }
    expect(readWorkflow(graph).prefixes).toEqual(["%date%/7_sdxl.safetensors_%No.x%"])
    expect(readWorkflow(apiWorkflow({ 11: { inputs: { filename_prefix: " " } } })).prefixes).toEqual([null])
    // A title comes before the class of another node.
    const both = apiWorkflow({ 11: { inputs: { filename_prefix: "%KSampler.ckpt_name%" } } })
    const named = { ...both, 4: { ...both[4], _meta: { title: "KSampler" } } }
    expect(readWorkflow(named).prefixes).toEqual(["sdxl.safetensors"])
  })

  it("leaves out what leads to no picture, with a notice", () => {
    const { recipes, notices } = readWorkflow(
      apiWorkflow({
        12: { class_type: "PreviewImage", inputs: { images: ["9", 0] } },
        13: { class_type: "SomethingElse", inputs: { x: ["9", 0] } },
      }),
    )
    expect(recipes).toHaveLength(1)
    expect(notices).toEqual([
      "PreviewImage #12 shows a picture that no sampler makes, and is left out.",
      '"SomethingElse #13" leads to no picture and is left out.',
    ])
  })
})

describe("conditions that nodes join", () => {
  const text = (value: string) => ({ class_type: "CLIPTextEncode", inputs: { clip: ["4", 1], text: value } })
  const joined = (type: string, inputs: object, texts: readonly [string, string] = ["a cat", "a dog"], changes = {}) =>
    one(
      apiWorkflow({
        ...{ 20: text(texts[0]), 21: text(texts[1]), 22: { class_type: type, inputs } },
        3: { inputs: { positive: ["22", 0] } },
        ...changes,
      }),
    )
  const two = { conditioning_1: ["20", 0], conditioning_2: ["21", 0] }

  it("become a composed prompt, or chunks of one", () => {
    const combined = joined("ConditioningCombine", two)
    expect(combined).toMatchObject({ prompt: "a cat :0.5 AND a dog :0.5", prompts: { syntax: "comfyui-joined" } })
    expect(combined?.parts).toBeUndefined()
    const concat = joined("ConditioningConcat", { conditioning_to: ["20", 0], conditioning_from: ["21", 0] })
    expect(concat).toMatchObject({ prompt: "a cat BREAK a dog", prompts: { syntax: "comfyui-joined" } })
  })

  it("keep weights and brackets of their texts", () => {
    const combined = joined("ConditioningCombine", two, ["a (cat:1.2)", "[a] dog :3"])
    expect(combined).toMatchObject({ prompt: "a (cat:1.2) :0.5 AND [a] dog :3 :0.5" })
  })

  it("are refused where a text has a word that joins", () => {
    expect(() => joined("ConditioningCombine", two, ["cats AND dogs", "a dog"])).toThrow(
      "joins a prompt with the word AND",
    )
    const word = { 7: { inputs: { text: "a BREAK b" } } }
    expect(() => joined("ConditioningCombine", two, undefined, word)).toThrow("beside one with the word AND or BREAK")
  })

  it("may be on the negative side, with their steps", () => {
    const negative = { 3: { inputs: { positive: ["6", 0], negative: ["22", 0] } } }
    const combined = joined("ConditioningCombine", two, undefined, negative)
    expect(combined).toMatchObject({ prompt: "a red star", negativePrompt: "a cat :1 AND a dog :1" })
    expect(combined).toMatchObject({ prompts: { syntax: "comfyui-joined" } })
    expect(combined?.parts).toBeUndefined()
    const whole = { strength: 1, start: 0, end: 1 }
    expect(combined?.negativeParts).toEqual([whole, whole])
    const limits = { conditioning: ["20", 0], start: 0.25, end: 1 }
    const graph = apiWorkflow({
      ...{ 3: { inputs: { negative: ["22", 0] } }, 20: API_WORKFLOW[6] as ApiNode },
      22: { class_type: "ConditioningSetTimestepRange", inputs: limits },
    })
    const { recipes, notices } = readWorkflow(graph)
    expect(recipes[0]).toMatchObject({ prompts: { syntax: "comfyui" } })
    expect(recipes[0]?.negativeParts).toEqual([{ ...whole, start: 0.25 }])
    expect(notices.join(" ")).toContain("has steps where no part of the negative prompt acts")
  })

  it("may have averaged states, of which the first text of the other is read", () => {
    const strength = { conditioning_to: ["20", 0], conditioning_from: ["21", 0], conditioning_to_strength: 0.75 }
    const average = joined("ConditioningAverage", strength)
    const whole = { strength: 1, start: 0, end: 1 }
    expect(average?.prompt).toBe("a cat")
    expect(average?.parts).toEqual([{ ...whole, textWeight: 0.75, mix: [{ text: "a dog", weight: 0.25 }] }])
    const nested = joined("ConditioningAverage", { ...strength, conditioning_from: ["30", 0] }, undefined, {
      30: { class_type: "ConditioningAverage", inputs: { ...strength, conditioning_to_strength: 0.5 } },
    })
    expect(nested?.parts?.[0]?.mix).toEqual([
      { text: "a cat", weight: 0.125 },
      { text: "a dog", weight: 0.125 },
    ])
    const zeros = joined("ConditioningAverage", { ...strength, conditioning_from: ["30", 0] }, undefined, {
      30: { class_type: "ConditioningZeroOut", inputs: { conditioning: ["21", 0] } },
    })
    expect(zeros?.parts).toEqual([{ ...whole, textWeight: 0.75 }])
  })

  it("may have a part of the steps each", () => {
    const range = (node: string, start: number, end: number) => ({
      class_type: "ConditioningSetTimestepRange",
      inputs: { conditioning: [node, 0], start, end },
    })
    const recipe = joined("ConditioningCombine", { conditioning_1: ["30", 0], conditioning_2: ["31", 0] }, undefined, {
      ...{ 30: range("20", 0, 0.4), 31: range("21", 0.4, 1) },
    })
    expect(recipe).toMatchObject({ prompt: "a cat :1 AND a dog :1", prompts: { syntax: "comfyui-joined" } })
    expect(recipe?.parts).toEqual([
      { strength: 1, start: 0, end: 0.4 },
      { strength: 1, start: 0.4, end: 1 },
    ])
    expect(() => joined("ConditioningSetTimestepRange", { conditioning: ["20", 0], start: 0.5, end: 0.4 })).toThrow(
      "starts at 0.5, after its end at 0.4",
    )
  })

  it("may have a region each: a mask, or a rectangle in pixels or parts", () => {
    const regions = {
      30: { class_type: "LoadImageMask", inputs: { image: "left.png", channel: "red" } },
      31: {
        class_type: "ConditioningSetMask",
        inputs: { conditioning: ["20", 0], mask: ["30", 0], strength: 0.5, set_cond_area: "default" },
      },
      32: {
        class_type: "ConditioningSetArea",
        inputs: { conditioning: ["21", 0], width: 64, height: 96, x: 64, y: 0, strength: 2 },
      },
      33: {
        class_type: "ConditioningSetAreaPercentage",
        inputs: { conditioning: ["6", 0], width: 0.25, height: 0.5, x: 0.1, y: 0.2, strength: 1 },
      },
      34: { class_type: "ConditioningCombine", inputs: { conditioning_1: ["31", 0], conditioning_2: ["32", 0] } },
    }
    const last = { conditioning_1: ["34", 0], conditioning_2: ["33", 0] }
    const recipe = joined("ConditioningCombine", last, undefined, regions)
    expect(recipe?.prompt).toBe("a cat :1 AND a dog :1 AND a red star :1")
    const sees = "area"
    const right = { strength: 2, start: 0, end: 1, area: { left: 0.5, top: 0, width: 0.5, height: 1 }, sees }
    const small = { strength: 1, start: 0, end: 1, area: { left: 0.1, top: 0.2, width: 0.25, height: 0.5 }, sees }
    expect(recipe?.parts).toEqual([
      { strength: 0.5, start: 0, end: 1, mask: { file: { path: "left.png" } } },
      right,
      small,
    ])
    // ComfyUI estimates the negative prompt on the same cuts.
    expect(recipe?.negativePrompt).toBe("blurry :1 AND blurry :1 AND blurry :1")
    expect(recipe?.negativeParts).toEqual([{ strength: 1, start: 0, end: 1 }, right, small])
  })

  it("may see the bounds of a mask, which wins over an area", () => {
    const recipe = joined(
      "ConditioningSetMask",
      {
        ...{ conditioning: ["31", 0], mask: ["30", 0], strength: 2, set_cond_area: "mask bounds" },
      },
      undefined,
      {
        30: { class_type: "LoadImageMask", inputs: { image: "left.png", channel: "red" } },
        31: {
          class_type: "ConditioningSetArea",
          inputs: { conditioning: ["20", 0], width: 64, height: 96, x: 64, y: 0, strength: 0.5 },
        },
      },
    )
    const part = { strength: 1, start: 0, end: 1, mask: { file: { path: "left.png" } }, sees: "mask" }
    expect(recipe?.parts).toEqual([part])
    expect(recipe?.negativeParts).toEqual([{ strength: 1, start: 0, end: 1 }, part])
  })

  it("may be zeros", () => {
    const zero = (cfg: number) =>
      joined("ConditioningZeroOut", { conditioning: ["6", 0] }, undefined, {
        3: { inputs: { positive: ["6", 0], negative: ["22", 0], cfg } },
      })
    expect(zero(1)).toMatchObject({ prompt: "a red star", negativePrompt: "", guidanceScale: 1 })
    expect(zero(1)?.negativeParts).toBeUndefined()
    expect(zero(3)?.negativeParts).toEqual([{ strength: 1, start: 0, end: 1, textWeight: 0 }])
  })

  it("may be two texts, one for each encoder", () => {
    const sdxl = { text_g: "a cat", text_l: "fur", width: 64, target_width: 128, target_height: 96 }
    const recipe = joined("CLIPTextEncodeSDXL", { clip: ["4", 1], ...sdxl })
    expect(recipe).toMatchObject({ prompt: "a cat", firstPrompt: "fur", size: { original: [1024, 64] } })
    expect(recipe?.firstNegativePrompt).toBeUndefined()
  })
})

describe("a ControlNet Union", () => {
  const typed = (type: string) =>
    one(
      apiWorkflow({
        12: { class_type: "ControlNetLoader", inputs: { control_net_name: "union.safetensors" } },
        14: { class_type: "SetUnionControlNetType", inputs: { control_net: ["12", 0], type } },
        13: {
          class_type: "ControlNetApplyAdvanced",
          inputs: { positive: ["6", 0], negative: ["7", 0], control_net: ["14", 0], image: ["9", 0], strength: 0.5 },
        },
        3: { inputs: { model: ["4", 0], positive: ["13", 0], negative: ["13", 1] } },
      }),
    )?.adapters

  it("has the control type of its node", () => {
    expect(typed("canny/lineart/anime_lineart/mlsd")).toMatchObject([{ kind: "controlnet", controlType: "canny" }])
    expect(typed("auto")?.[0]?.controlType).toBeUndefined()
    expect(() => typed("x")).toThrow('has "x" as type, expected one of openpose')
  })
})
