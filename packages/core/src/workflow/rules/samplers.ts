import type { NodeReader, NodeRule } from "../node-rule.ts"
import type { LatentValue, SamplerRun, SigmasValue } from "../values.ts"

/* Nodes that run samplers. */

const STEPS = { integer: true, min: 1, max: 10_000 } as const
const STEP = { integer: true, min: 0, max: 100_000 } as const
const SCALE = { min: 0, max: 1000 } as const

export const kSampler: NodeRule = (node) => {
  const denoise = node.number("denoise", { min: 0, max: 1 })
  const steps = node.number("steps", STEPS)
  // ComfyUI: above 0.9999 all of it, and otherwise more steps, of which the last ones run.
  const all = denoise > 0.9999 ? steps : allSteps(node, steps, denoise)
  const sigmas = { ...scheduleOf(node), steps: all, first: all - steps, last: all }
  return [sampled({ ...runOf(node, "seed"), addsNoise: true, sigmas })]
}

export const kSamplerAdvanced: NodeRule = (node) => {
  const steps = node.number("steps", STEPS)
  const first = node.number("start_at_step", STEP)
  const last = Math.min(steps, node.number("end_at_step", STEP))
  const addsNoise = node.choice("add_noise", ["enable", "disable"]) === "enable"
  const leavesNoise = node.choice("return_with_leftover_noise", ["disable", "enable"]) === "enable"
  const cut = last < steps && !leavesNoise ? ({ isCutToZero: true } as const) : {}
  const sigmas = { ...scheduleOf(node), steps, first, last, ...cut }
  return [sampled({ ...runOf(node, "noise_seed"), addsNoise, sigmas })]
}

export const samplerCustom: NodeRule = (node) =>
  withEstimate({
    ...{ node: node.id, model: node.read("model", "MODEL"), positive: node.read("positive", "CONDITIONING") },
    ...{ negative: node.read("negative", "CONDITIONING"), latents: node.read("latent_image", "LATENT") },
    ...{ seed: node.seed("noise_seed"), addsNoise: node.flag("add_noise"), guidanceScale: node.number("cfg", SCALE) },
    ...{ sampler: node.read("sampler", "SAMPLER"), sigmas: node.read("sigmas", "SIGMAS") },
  })

export const samplerCustomAdvanced: NodeRule = (node) => {
  const { model, positive, negative, guidanceScale } = node.read("guider", "GUIDER")
  const { seed } = node.read("noise", "NOISE")
  return withEstimate({
    ...{ node: node.id, model, positive, negative, guidanceScale, latents: node.read("latent_image", "LATENT") },
    ...{ seed: seed ?? "0", addsNoise: seed !== null },
    ...{ sampler: node.read("sampler", "SAMPLER"), sigmas: node.read("sigmas", "SIGMAS") },
  })
}

export const randomNoise: NodeRule = (node) => [{ type: "NOISE", seed: node.seed("noise_seed") }]

export const disableNoise: NodeRule = () => [{ type: "NOISE", seed: null }]

export const cfgGuider: NodeRule = (node) => [
  {
    ...{ type: "GUIDER", model: node.read("model", "MODEL"), positive: node.read("positive", "CONDITIONING") },
    ...{ negative: node.read("negative", "CONDITIONING"), guidanceScale: node.number("cfg", SCALE) },
  },
]

/** A guider without guidance. */
export const basicGuider: NodeRule = (node) => [
  {
    ...{ type: "GUIDER", model: node.read("model", "MODEL"), positive: node.read("conditioning", "CONDITIONING") },
    ...{ negative: null, guidanceScale: 1 },
  },
]

function runOf(node: NodeReader, seed: "seed" | "noise_seed"): Omit<SamplerRun, "sigmas" | "addsNoise"> {
  return {
    node: node.id,
    model: node.read("model", "MODEL"),
    positive: node.read("positive", "CONDITIONING"),
    negative: node.read("negative", "CONDITIONING"),
    latents: node.read("latent_image", "LATENT"),
    seed: node.seed(seed),
    guidanceScale: node.number("cfg", SCALE),
    sampler: { type: "SAMPLER", name: node.text("sampler_name"), options: {} },
  }
}

function scheduleOf(node: NodeReader): Pick<SigmasValue, "type" | "schedule"> {
  return { type: "SIGMAS", schedule: { scheduler: node.text("scheduler"), isOfKSampler: true } }
}

/** The steps of the whole schedule, of which the last `steps` run. Their share of it is `denoise`. */
export function allSteps(node: NodeReader, steps: number, denoise: number): number {
  const all = denoise > 0 ? Math.trunc(steps / denoise) : Number.POSITIVE_INFINITY
  return all <= 10_000 ? all : node.refuse(`has denoise ${denoise}, which spaces more than 10000 steps`)
}

function sampled(run: SamplerRun): LatentValue {
  return { type: "LATENT", made: "sampled", run }
}

/** Both outputs of a custom sampler. They are the same where it runs to the end. */
function withEstimate(run: SamplerRun): readonly LatentValue[] {
  const { last, steps } = run.sigmas
  return [sampled(run), last === steps ? sampled(run) : { type: "LATENT", made: "estimated", run }]
}
