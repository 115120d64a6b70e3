import type { SamplerOptionName, SamplerOptions, SpacingOptions, TimestepSpacing } from "../../diffusion/names.ts"
import { SAMPLER_OPTIONS, SPACING_RANGES } from "../../diffusion/names.ts"
import { roundHalfToEven } from "../../diffusion/spacings/levels.ts"
import type { NodeReader, NodeRule } from "../node-rule.ts"
import type { SamplerValue, SigmasValue } from "../values.ts"
import { allSteps } from "./samplers.ts"

/* Nodes that give custom samplers their method and their noise levels. */

const STEPS = { integer: true, min: 1, max: 10_000 } as const
const DENOISE = { min: 0, max: 1 } as const

export const kSamplerSelect: NodeRule = (node) => [{ type: "SAMPLER", name: node.text("sampler_name"), options: {} }]

/** A node for the options of one sampler. */
const sampler =
  (name: string, options: readonly SamplerOptionName[], refused: Readonly<Record<string, number>> = {}): NodeRule =>
  (node) => [{ type: "SAMPLER", name, options: optionsOf(node, options, refused) } satisfies SamplerValue]

export const samplerEulerAncestral = sampler("euler_ancestral", ["eta", "sNoise"])
export const samplerDpmpp2sAncestral = sampler("dpmpp_2s_ancestral", ["eta", "sNoise"])
export const samplerDpmpp3mSde = sampler("dpmpp_3m_sde", ["eta", "sNoise"])
export const samplerDpmppSde = sampler("dpmpp_sde", ["eta", "sNoise"], { r: 0.5 })
export const samplerLms = sampler("lms", [], { order: 4 })

export const samplerDpmpp2mSde: NodeRule = (node) => {
  const solver = node.choice("solver_type", ["midpoint", "heun"])
  return [{ type: "SAMPLER", name: "dpmpp_2m_sde", options: { ...optionsOf(node, ["eta", "sNoise"]), solver } }]
}

export const samplerDpmAdaptive = sampler("dpm_adaptive", ["eta", "sNoise", "rtol", "atol"], {
  ...{ order: 3, h_init: 0.05, pcoeff: 0, icoeff: 1, dcoeff: 0, accept_safety: 0.81 },
})

/** Options by their names in nodes. Others have to have the value that they have here. */
function optionsOf(
  node: NodeReader,
  names: readonly SamplerOptionName[],
  fixed: Readonly<Record<string, number>> = {},
): SamplerOptions {
  for (const [name, value] of Object.entries(fixed)) {
    const got = node.number(name)
    if (got !== value) node.refuse(`has ${got} as ${name}, which cannot be followed. Set it to ${value}`)
  }
  const values = names.map((name) => {
    const info = SAMPLER_OPTIONS[name]
    return [name, node.number(name === "sNoise" ? "s_noise" : name, "choices" in info ? {} : info)] as const
  })
  return Object.fromEntries(values) as SamplerOptions
}

export const basicScheduler: NodeRule = (node) => {
  node.read("model", "MODEL")
  const [steps, denoise] = [node.number("steps", STEPS), node.number("denoise", DENOISE)]
  const all = denoise === 1 ? steps : allSteps(node, steps, denoise)
  const schedule = { scheduler: node.text("scheduler"), isOfKSampler: false }
  return [{ type: "SIGMAS", schedule, steps: all, first: all - steps, last: all }]
}

/** A node for one spacing, with options by their names in nodes. */
const curve =
  (spacing: TimestepSpacing, names: Readonly<Record<string, keyof typeof SPACING_RANGES>>): NodeRule =>
  (node) => {
    const options = Object.entries(names).map(([name, own]) => [own, node.number(name, SPACING_RANGES[own])])
    return [whole(node.number("steps", STEPS), spacing, Object.fromEntries(options) as SpacingOptions)]
  }

const ENDS = { sigma_max: "sigmaMax", sigma_min: "sigmaMin" } as const

export const karrasScheduler = curve("karras", { ...ENDS, rho: "rho" })
export const exponentialScheduler = curve("exponential", ENDS)
export const polyexponentialScheduler = curve("polyexponential", { ...ENDS, rho: "rho" })
export const betaScheduler = curve("beta_timesteps", { alpha: "alpha", beta: "beta" })

export const vpScheduler: NodeRule = (node) => {
  for (const [name, value] of Object.entries({ beta_d: 19.9, beta_min: 0.1, eps_s: 0.001 })) {
    const got = node.number(name)
    if (got !== value) node.refuse(`has ${got} as ${name}, which cannot be followed. Set it to ${value}`)
  }
  return [whole(node.number("steps", STEPS), "vp")]
}

export const turboScheduler: NodeRule = (node) => {
  const steps = node.number("steps", { integer: true, min: 1, max: 10 })
  const first = 10 - Math.trunc(10 * node.number("denoise", DENOISE))
  const all = Math.min(10, first + steps)
  if (first === all) node.refuse("has denoise 0, which leaves no step")
  return [{ ...whole(all, "sd_turbo"), first }]
}

export const alignYourStepsScheduler: NodeRule = (node) => {
  const [steps, denoise] = [node.number("steps", STEPS), node.number("denoise", DENOISE)]
  const type = node.text("model_type")
  if (type !== "SDXL") node.refuse(`has the levels of ${type}, expected SDXL`)
  return [{ ...whole(steps, "align_your_steps_0"), first: steps - roundHalfToEven(steps * denoise) }]
}

function whole(steps: number, spacing: TimestepSpacing, options: SpacingOptions = {}): SigmasValue {
  return { type: "SIGMAS", schedule: { spacing, options }, steps, first: 0, last: steps }
}

export const splitSigmas: NodeRule = (node) => {
  const sigmas = node.read("sigmas", "SIGMAS")
  return split(sigmas, sigmas.first + node.number("step", { integer: true, min: 0, max: 10_000 }))
}

export const splitSigmasDenoise: NodeRule = (node) => {
  const sigmas = node.read("sigmas", "SIGMAS")
  const share = node.number("denoise", DENOISE)
  return split(sigmas, sigmas.last - roundHalfToEven((sigmas.last - sigmas.first) * share))
}

/** The levels before a step, and those from it on. */
function split(sigmas: SigmasValue, at: number): readonly SigmasValue[] {
  const place = Math.min(sigmas.last, at)
  return [
    { ...sigmas, last: place },
    { ...sigmas, first: place },
  ]
}
