import { describe, expect, it } from "vitest"
import { SAMPLERS } from "./names.ts"
import {
  comfyUiNames,
  comfyUiSampling,
  isNearComfyUi,
  samplingByName,
  webuiNames,
  webuiSampling,
} from "./other-programs.ts"

describe("comfyUiSampling", () => {
  it.each([
    [
      "dpmpp_2m_sde",
      "karras",
      {
        sampler: "dpmpp_2m_sde",
        spacing: "karras",
        samplerOptions: {},
        spacingOptions: { startScale: "unit-variance" },
      },
    ],
    ["euler_ancestral", "normal", { sampler: "euler_a", spacing: "uniform" }],
    ["euler", "ddim_uniform", { spacingOptions: { startScale: "sigma" } }],
    ["ddim", "simple", { sampler: "euler", spacing: "simple" }],
    ["dpm_2", "karras", { sampler: "dpm_2", spacingOptions: { discardPenultimate: true } }],
    [
      "uni_pc",
      "beta",
      { sampler: "unipc", spacing: "beta_timesteps", samplerOptions: { order: 3, correction: "bh1" } },
    ],
    ["dpmpp_2m_sde_heun_gpu", "kl_optimal", { samplerOptions: { solver: "heun" }, spacing: "kl_optimal_0" }],
  ])("reads %s with %s", (sampler, scheduler, expected) => {
    expect(comfyUiSampling(sampler, scheduler)).toMatchObject(expected)
  })

  it("names the nearest sampler or scheduler", () => {
    expect(() => comfyUiSampling("dpmpp_2m_sdee", "karras")).toThrow(/no sampler of ComfyUI.*"dpmpp_2m_sde"\?/)
    expect(() => comfyUiSampling("euler", "karas")).toThrow(/"karas"\. Did you mean "karras"\?/)
    expect(() => comfyUiSampling("constructor", "karras")).toThrow(/There are: euler/)
  })

  it("says whose pictures are only near", () => {
    expect(isNearComfyUi("uni_pc")).toBe(true)
    expect(isNearComfyUi("dpmpp_2m")).toBe(false)
  })
})

describe("webuiSampling", () => {
  it.each([
    ["DPM++ 2M Karras", undefined, { sampler: "dpmpp_2m", spacing: "karras" }],
    ["DPM++ 2M", undefined, { sampler: "dpmpp_2m", spacing: "uniform" }],
    ["DPM++ 2M", "Automatic", { sampler: "dpmpp_2m", spacing: "karras" }],
    ["DPM++ 2M", "SGMUniform", { sampler: "dpmpp_2m", spacing: "sgm_uniform" }],
    ["DPM++ 2M SDE Heun Exponential", undefined, { spacing: "exponential", samplerOptions: { solver: "heun" } }],
    ["DPM++ 3M SDE", "Exponential", { sampler: "dpmpp_3m_sde", spacingOptions: { discardPenultimate: true } }],
    ["euler A", "karras", { sampler: "euler_a", spacing: "karras" }],
    ["DDIM", "Karras", { sampler: "ddim", spacing: "leading" }],
    ["DPM2 a Karras", undefined, { sampler: "dpm_2_a", spacing: "karras" }],
  ])("reads %s with %s", (sampler, schedule, expected) => {
    expect(webuiSampling(sampler, schedule)).toMatchObject(expected)
  })

  it("names the nearest sampler or schedule type", () => {
    expect(() => webuiSampling("DPM++ 2N Karras")).toThrow(/Did you mean "DPM\+\+ 2M"\?/)
    expect(() => webuiSampling("Euler", "Karas")).toThrow(/Did you mean "Karras"\?/)
  })
})

describe("names for other programs", () => {
  it("lead back to the same sampler and levels, for every sampler that has a name", () => {
    let named = 0
    for (const sampler of Object.keys(SAMPLERS) as (keyof typeof SAMPLERS)[]) {
      for (const spacing of ["uniform", "karras", "exponential", "leading", "lcm", "beta"] as const) {
        const comfy = comfyUiNames({ sampler, spacing })
        if (comfy !== null) {
          expect(comfyUiSampling(comfy.sampler, comfy.scheduler)).toMatchObject({ sampler, spacing })
          named += 1
        }
        const webui = webuiNames({ sampler, spacing })
        if (webui !== null) {
          expect(webuiSampling(webui.sampler, webui.scheduleType)).toMatchObject({ sampler, spacing })
          named += 1
        }
      }
    }
    expect(named).toBeGreaterThan(50)
  })

  it("are none for what the programs cannot do", () => {
    expect(comfyUiNames({ sampler: "pndm", spacing: "leading" })).toBeNull()
    expect(comfyUiNames({ sampler: "dpmpp_2m_sde", spacing: "karras", samplerOptions: { eta: 0.5 } })).toBeNull()
    expect(webuiNames({ sampler: "tcd", spacing: "lcm" })).toBeNull()
    expect(webuiNames({ sampler: "ddim", spacing: "karras" })).toBeNull()
    expect(comfyUiNames({ sampler: "euler", spacing: "linspace" })).toEqual({ sampler: "euler", scheduler: "normal" })
  })
})

describe("samplingByName", () => {
  it.each([
    ["k_euler_a", { sampler: "k_euler_a", samplerOptions: {}, spacingOptions: {} }],
    ["dpmpp_2m", { sampler: "dpmpp_2m" }],
    ["uni_pc_bh2", { sampler: "unipc", samplerOptions: { order: 3, correction: "bh2" } }],
    ["DPM++ 2M Karras", { sampler: "dpmpp_2m", spacing: "karras" }],
    ["dpm++ 2m", { sampler: "dpmpp_2m", spacing: "karras" }],
    ["Euler a", { sampler: "euler_a", spacing: "uniform" }],
  ])("reads %s", (name, expected) => {
    expect(samplingByName(name)).toMatchObject(expected)
  })

  it("knows no other name", () => {
    for (const name of ["", "eular", "DPM++ 4M", "constructor", "karras"]) expect(samplingByName(name)).toBeNull()
  })
})
