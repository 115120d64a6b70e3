import { SAMPLER_NAMES, SPACING_NAMES } from "@lllite/core/names"
import { describe, expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import { GENERATE_OPTIONS } from "./options.ts"
import { samplingNotices } from "./sampling-options.ts"
import { checkGenerateOptions, planOf, readGenerateSettings } from "./settings.ts"

const least = { ckpt: "tiny", prompt: "a red star", outdir: "out" }
const read = async (more: Record<string, unknown>) => {
  const reader = readRecord(GENERATE_OPTIONS, { ...least, ...more })
  checkGenerateOptions(reader)
  const pictures = await planOf(reader, [{ text: "a red star", where: "--prompt" }])
  const [first] = readGenerateSettings(reader, pictures).pictures
  if (first === undefined) throw new Error("there is no picture")
  return first.recipe
}

describe("the options of sampling", () => {
  it("take every sampler with its spacing, and every spacing", async () => {
    for (const sampler of SAMPLER_NAMES) expect((await read({ sampler })).sampler).toBe(sampler)
    for (const spacing of SPACING_NAMES) expect(await read({ spacing })).toMatchObject({ sampler: "euler" })
    expect((await read({ sampler: "ddim" })).spacing).toBe("leading")
    expect((await read({ sampler: "ddim", scheduler: "normal" })).spacing).toBe("uniform")
  })

  it.each([
    ["DPM++ 2M Karras", { sampler: "dpmpp_2m", spacing: "karras" }],
    ["uni_pc", { sampler: "unipc", spacing: "linspace", samplerOptions: { order: 3, correction: "bh1" } }],
    ["DPM2 a", { sampler: "dpm_2_a", spacing: "karras", spacingOptions: { discardPenultimate: true } }],
  ])("take %s, as another program names it", async (sampler, expected) => {
    expect(await read({ sampler })).toMatchObject(expected)
  })

  it("take options of samplers and of spacings", async () => {
    const recipe = await read({
      ...{ sampler: "dpmpp_2m_sde", eta: "0.5", sampler_args: ["s_noise=1.1", "solver=heun"], spacing: "karras" },
      spacing_args: ["sigma_min=0.05", "rho=5", "discard-penultimate=1"],
    })
    expect(recipe.samplerOptions).toEqual({ eta: 0.5, sNoise: 1.1, solver: "heun" })
    expect(recipe.spacingOptions).toEqual({ sigmaMin: 0.05, rho: 5, discardPenultimate: true })
  })

  it("take guidance, the schedule and the noise", async () => {
    const options = { guidance_rescale: "0.7", zero_terminal_snr: true, rng: "gpu" }
    expect(await read(options)).toMatchObject({ guidanceRescale: 0.7, zeroTerminalSnr: true, noise: "torch-cuda" })
    expect(await read({})).toMatchObject({ guidanceRescale: 0, zeroTerminalSnr: null, noise: "lllite" })
    expect((await read({ rng: "cpu" })).noise).toBe("torch-cpu")
    expect((await read({ negative_scale: "0" })).negativeScale).toBe(0)
    expect((await read({})).negativeScale).toBeNull()
  })

  it.each([
    [{ sampler: "eular" }, /--sampler is "eular".*Did you mean euler\?/],
    [{ spacing: "karas" }, /--spacing is "karas".*Did you mean karras\?/],
    [{ sampler: "lms", eta: "0.5" }, /--eta has no place in the sampler lms, which takes no options/],
    [{ sampler: "unipc", sampler_args: ["order=4"] }, /has order=4, expected a whole number from 1 to 3 after order=/],
    [{ sampler: "unipc", sampler_args: ["correction=bh3"] }, /expected one of bh1, bh2 after correction=/],
    [{ sampler: "unipc", sampler_args: ["foo"] }, /has foo, expected options of unipc: order, correction/],
    [{ spacing_args: ["rho=0"] }, /has rho=0, expected a number above 0/],
    [{ spacing_args: ["x=1"] }, /has x=1, expected sigma_min, sigma_max, rho, alpha, beta or discard_penultimate/],
    [{ guidance_rescale: "2" }, /--guidance_rescale is 2, expected a number from 0 to 1/],
    [{ rng: "mps" }, /--rng is "mps", expected one of lllite, cpu, cuda, gpu, nv/],
  ])("refuse %j by name, once", async (options, message) => {
    const problem = await read(options).catch((error: Error) => error.message)
    expect(problem).toMatch(message)
    expect(String(problem)).not.toMatch(/2 problems/)
  })

  it("say that zero terminal SNR needs v-prediction", () => {
    expect(samplingNotices({ zeroTerminalSnr: true }, "epsilon")).toHaveLength(1)
    expect(samplingNotices({ zeroTerminalSnr: true }, "v")).toEqual([])
    expect(samplingNotices({ zeroTerminalSnr: null }, "epsilon")).toEqual([])
  })
})
