import { describe, expect, it } from "vitest"
import type { ApiNode } from "../../test/workflow.ts"
import { API_WORKFLOW, apiWorkflow } from "../../test/workflow.ts"
import { createNoiseSchedule } from "../diffusion/schedule.ts"
import { noiseLevels } from "../diffusion/sigmas.ts"
import { createRecipe } from "../recipe/read-recipe.ts"
import { readWorkflow } from "./read-workflow.ts"

type Changes = Readonly<Record<string, ApiNode>>

const node = (class_type: string, inputs: object = {}): ApiNode => ({ class_type, inputs: { ...inputs } })
const prompts = { positive: ["6", 0], negative: ["7", 0] }

/** A workflow with SamplerCustomAdvanced, whose parts are nodes of their own. */
const custom = (changes: Changes = {}) =>
  readWorkflow(
    apiWorkflow({
      30: node("RandomNoise", { noise_seed: 9 }),
      31: node("CFGGuider", { model: ["10", 0], ...prompts, cfg: 4 }),
      32: node("KSamplerSelect", { sampler_name: "dpmpp_2m" }),
      33: node("BasicScheduler", { model: ["4", 0], scheduler: "karras", steps: 12, denoise: 1 }),
      3: node("SamplerCustomAdvanced", {
        ...{ noise: ["30", 0], guider: ["31", 0], sampler: ["32", 0], sigmas: ["33", 0], latent_image: ["5", 0] },
      }),
      ...changes,
    }),
  )
const one = (changes: Changes = {}) => {
  const [recipe] = custom(changes).recipes
  return recipe === undefined ? undefined : createRecipe(recipe)
}

describe("SamplerCustomAdvanced", () => {
  it("is KSampler where its parts are", () => {
    const inputs = {
      ...{ ...API_WORKFLOW[3]?.inputs, seed: 9, steps: 12, cfg: 4 },
      ...{ sampler_name: "dpmpp_2m", scheduler: "karras" },
    }
    const [same] = readWorkflow(apiWorkflow({ 3: node("KSampler", inputs) })).recipes
    expect(custom().recipes).toEqual([same])
    expect(custom({ 8: node("VAEDecode", { samples: ["3", 1], vae: ["4", 2] }) }).recipes).toEqual([same])
  })

  it("has no guidance with BasicGuider, whatever the negative prompt is", () => {
    const recipe = one({ 31: node("BasicGuider", { model: ["10", 0], conditioning: ["6", 0] }) })
    expect(recipe).toMatchObject({ guidanceScale: 1, prompt: "a red star", negativePrompt: "" })
  })

  it("keeps the level that KSampler leaves out with some samplers", () => {
    const recipe = one({ 32: node("KSamplerSelect", { sampler_name: "dpm_2" }) })
    expect(recipe).toMatchObject({ sampler: "dpm_2", spacingOptions: { startScale: "unit-variance" } })
    expect(recipe?.spacingOptions.discardPenultimate).toBeUndefined()
  })

  it.each([
    ["SamplerEulerAncestral", { eta: 0.5, s_noise: 1 }, "euler_a", { eta: 0.5 }],
    [
      "SamplerDPMPP_2M_SDE",
      { solver_type: "heun", eta: 1, s_noise: 0.9 },
      "dpmpp_2m_sde",
      { sNoise: 0.9, solver: "heun" },
    ],
    ["SamplerDPMPP_3M_SDE", {}, "dpmpp_3m_sde", {}],
    ["SamplerDPMPP_SDE", { r: 0.5 }, "dpmpp_sde", {}],
    ["SamplerDPMPP_2S_Ancestral", { eta: 0 }, "dpmpp_2s_ancestral", { eta: 0 }],
    ["SamplerDPMAdaptative", { rtol: 0.1 }, "dpm_adaptive", { rtol: 0.1 }],
    ["SamplerLMS", { order: 4 }, "lms", {}],
  ])("takes the options of %s", (type, inputs, sampler, samplerOptions) => {
    expect(one({ 32: node(type, inputs) })).toMatchObject({ sampler, samplerOptions })
  })

  it("refuses options that samplers do not have here", () => {
    expect(() => one({ 32: node("SamplerLMS", { order: 3 }) })).toThrow("has 3 as order, which cannot be followed")
    expect(() => one({ 32: node("SamplerEulerAncestral", { eta: 2 }) })).toThrow("has 2 as eta, expected a number from")
  })

  it.each([
    ["KarrasScheduler", { steps: 8, sigma_max: 9, sigma_min: 0.1, rho: 5 }, "karras", { sigmaMax: 9, rho: 5 }, "sigma"],
    ["ExponentialScheduler", { steps: 8 }, "exponential", { sigmaMax: 14.614642 }, "unit-variance"],
    ["PolyexponentialScheduler", { steps: 8, rho: 2 }, "polyexponential", { rho: 2 }, "unit-variance"],
    ["BetaSamplingScheduler", { model: ["4", 0], steps: 8, alpha: 1 }, "beta_timesteps", { alpha: 1 }, "unit-variance"],
    ["SDTurboScheduler", { model: ["4", 0], steps: 8 }, "sd_turbo", {}, "unit-variance"],
    ["AlignYourStepsScheduler", { model_type: "SDXL", steps: 8 }, "align_your_steps_0", {}, "unit-variance"],
    ["VPScheduler", { steps: 8 }, "vp", {}, "unit-variance"],
  ])("takes the levels of %s", (type, inputs, spacing, options, startScale) => {
    const recipe = one({ 33: node(type, inputs) })
    expect(recipe).toMatchObject({ spacing, steps: 8, spacingOptions: { ...options, startScale }, start: null })
    const { sigmas } = noiseLevels(createNoiseSchedule(), 8, recipe?.spacing ?? "vp", {}, recipe?.spacingOptions)
    expect(sigmas).toHaveLength(9)
  })

  it("refuses levels of other models", () => {
    const scheduler = node("AlignYourStepsScheduler", { model_type: "SD1", steps: 8 })
    expect(() => one({ 33: scheduler })).toThrow("has the levels of SD1, expected SDXL")
  })

  it("runs a part of levels on a picture", () => {
    const start = (sigmas: Changes, slot = 0) =>
      readWorkflow(
        apiWorkflow({
          12: node("LoadImage", { image: "photo.png" }),
          5: node("VAEEncode", { pixels: ["12", 0], vae: ["4", 2] }),
          ...{ 32: node("KSamplerSelect"), 31: node("CFGGuider", { model: ["4", 0], ...prompts, cfg: 4 }) },
          30: node("RandomNoise", { noise_seed: 9 }),
          3: node("SamplerCustomAdvanced", {
            ...{ noise: ["30", 0], guider: ["31", 0], sampler: ["32", 0], sigmas: ["34", slot] },
            latent_image: ["5", 0],
          }),
          ...sigmas,
        }),
        { sizeOf: () => ({ width: 128, height: 128 }) },
      ).recipes[0]
    const scheduler = (denoise: number) =>
      node("BasicScheduler", { model: ["4", 0], scheduler: "normal", steps: 10, denoise })
    expect(start({ 34: scheduler(0.5) })).toMatchObject({ steps: 20, start: { strength: 0.5 } })
    for (const [type, inputs] of [
      ["SplitSigmas", { step: 6 }],
      ["SplitSigmasDenoise", { denoise: 0.4 }],
    ] as const) {
      const split = { 33: scheduler(1), 34: node(type, { sigmas: ["33", 0], ...inputs }) }
      expect(start(split, 1)).toMatchObject({ steps: 10, start: { strength: 0.4 } })
      expect(() => start(split)).toThrow("hands on latents with noise")
    }
    const turbo = node("SDTurboScheduler", { model: ["4", 0], steps: 2, denoise: 0.5 })
    expect(start({ 34: turbo })).toMatchObject({ steps: 7, spacing: "sd_turbo", start: { strength: 2 / 7 } })
  })
})

describe("a sampler that continues another", () => {
  const advanced = (inputs: object) =>
    node("KSamplerAdvanced", {
      ...{ model: ["10", 0], add_noise: "enable", noise_seed: 7, steps: 20, cfg: 3, sampler_name: "euler" },
      ...{ scheduler: "normal", ...prompts, latent_image: ["5", 0], start_at_step: 0, end_at_step: 8 },
      return_with_leftover_noise: "enable",
      ...inputs,
    })
  const rest = { add_noise: "disable", start_at_step: 8, end_at_step: 10_000, latent_image: ["3", 0], noise_seed: 99 }
  const two = (first: object, second: object, more: Changes = {}) =>
    readWorkflow(
      apiWorkflow({
        3: advanced(first),
        20: advanced({ ...rest, ...second }),
        8: node("VAEDecode", { samples: ["20", 0], vae: ["4", 2] }),
        ...more,
      }),
    )

  it("is one run with it", () => {
    const whole = readWorkflow(apiWorkflow({ 3: advanced({ end_at_step: 20 }) }))
    expect(two({}, {})).toEqual(whole)
    expect(whole.recipes[0]).toMatchObject({ steps: 20, seed: "7" })
  })

  it("has the control of one part on its steps alone", () => {
    const [recipe] = two({}, { model: ["4", 0] }).recipes
    expect(recipe?.adapters).toMatchObject([{ window: { start: 0, end: 8.5 / 20, by: "comfyui" } }])
    const [late] = two({ model: ["4", 0] }, {}).recipes
    expect(late?.adapters).toMatchObject([{ window: { start: 8.5 / 20, end: 1, by: "comfyui" } }])
  })

  it("has the controls of the negative prompt of one part on its steps alone, too", () => {
    const net = {
      22: node("ControlNetLoader", { control_net_name: "net.safetensors" }),
      23: node("ControlNetApplyAdvanced", {
        ...{ ...prompts, control_net: ["22", 0], image: ["9", 0], strength: 0.5 },
        ...{ start_percent: 0, end_percent: 1 },
      }),
    }
    const controlled = { model: ["4", 0], positive: ["23", 0], negative: ["23", 1] }
    const [early] = two(controlled, { model: ["4", 0] }, net).recipes
    expect(early?.adapters).toMatchObject([{ kind: "controlnet", window: { start: 0, end: 8.5 / 20, by: "comfyui" } }])
    expect(early?.adapters?.[0]).not.toHaveProperty("guidance")
    const [late] = two({ model: ["4", 0] }, controlled, net).recipes
    expect(late?.adapters).toMatchObject([{ kind: "controlnet", window: { start: 8.5 / 20, end: 1, by: "comfyui" } }])
    expect(late?.adapters?.[0]).not.toHaveProperty("guidance")
    const onPositive = { ...controlled, negative: prompts.negative }
    const [half] = two({ model: ["4", 0] }, onPositive, net).recipes
    expect(half?.adapters).toMatchObject([{ guidance: { cond: 1, uncond: 0 } }])
  })

  it("counts the steps of a control from where the first part starts", () => {
    const photo = {
      12: node("LoadImage", { image: "photo.png" }),
      5: node("VAEEncode", { pixels: ["12", 0], vae: ["4", 2] }),
      8: node("VAEDecode", { samples: ["20", 0], vae: ["4", 2] }),
    }
    const recipe = (first: object, second: object) =>
      readWorkflow(
        apiWorkflow({
          ...photo,
          3: advanced({ start_at_step: 4, end_at_step: 12, ...first }),
          20: advanced({ ...rest, start_at_step: 12, ...second }),
        }),
        { sizeOf: () => ({ width: 128, height: 128 }) },
      ).recipes[0]
    expect(recipe({}, { model: ["4", 0] })).toMatchObject({
      ...{ steps: 20, start: { strength: 0.8 } },
      adapters: [{ window: { start: 0, end: 8.5 / 16, by: "comfyui" } }],
    })
    expect(recipe({ model: ["4", 0] }, {})).toMatchObject({
      adapters: [{ window: { start: 8.5 / 16, end: 1, by: "comfyui" } }],
    })
  })

  it("says what a sampler with a memory does there", () => {
    const { notices } = two({ sampler_name: "dpmpp_2m" }, { sampler_name: "dpmpp_2m" })
    expect(notices).toEqual(["dpmpp_2m forgets its steps where one sampler continues another, which is not done here."])
  })

  it("says that a sampler with noise draws it anew there", () => {
    const { notices } = two({ sampler_name: "euler_ancestral" }, { sampler_name: "euler_ancestral" })
    expect(notices).toEqual([
      "euler_ancestral draws its noise anew where one sampler continues another, which is not done here.",
    ])
  })

  it("is refused with another model, such as a refiner, with the way out", () => {
    const refiner = { 40: node("CheckpointLoaderSimple", { ckpt_name: "refiner.safetensors" }) }
    expect(() => two({}, { model: ["40", 0] }, refiner)).toThrow("A refiner cannot be run: bypass its sampler")
    expect(() => two({}, { cfg: 1 })).toThrow("continues a run with another model, prompt, scale")
    expect(() => two({ sampler_name: "heun" }, { sampler_name: "heun", model: ["4", 0] })).toThrow("cannot be cut")
    expect(() => two({ end_at_step: 7 }, {})).toThrow("adds no noise to finished latents")
  })
})
