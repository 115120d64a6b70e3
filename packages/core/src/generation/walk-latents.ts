import type { Tensor4D } from "@tensorflow/tfjs-core"
import { checkArgument, checkOptions, type OptionKinds } from "../argument.ts"
import type { Denoise } from "../diffusion/denoiser.ts"
import type { AfterStep, IntervalNoise } from "../diffusion/samplers/index.ts"
import { CoreError } from "../errors.ts"
import { checkPlan, type SamplingPlan } from "./plan-sampling.ts"

/** A step of a walk. The tensors are valid until the consumer requests the next step. */
export interface WalkStep {
  /** Index in the whole plan, from 0. */
  readonly step: number
  /** The number of steps in the whole plan. */
  readonly steps: number
  readonly sigma: number
  /** The latents at the start of the step. [N, H/8, W/8, C] */
  readonly latents: Tensor4D
  /** The estimate of the latents without noise. */
  readonly denoised: Tensor4D
}

export interface WalkOptions {
  /** Noise for samplers that add it between steps. */
  readonly noise?: IntervalNoise
  /** The first step of the walk, from 0. Default: 0. */
  readonly from?: number
  /** The step before which the walk ends. Default: the number of steps. */
  readonly to?: number
  /** LMS counts the steps before `from` as diffusers does, see `SampleSettings.missed`. Default: false. */
  readonly countsMissed?: boolean
  /** Changes the latents after each step. */
  readonly afterStep?: AfterStep
}

const WALK_KINDS: OptionKinds<WalkOptions> = {
  noise: "a function",
  from: "a number",
  to: "a number",
  countsMissed: "true or false",
  afterStep: "a function",
}

/**
 * Walks latents along a plan, or a part of it. start: the sample at the level of the step `from`, [N, H/8, W/8, C]. The
 * caller keeps it.
 *
 * @returns a generator that yields every step and returns the latents at the level of `to`, which belong to the caller.
 * If the caller ends it early, it disposes all its tensors.
 * @throws CoreError for a part that the plan does not have
 */
export async function* walkLatents(
  plan: SamplingPlan,
  denoise: Denoise,
  start: Tensor4D,
  options: WalkOptions = {},
): AsyncGenerator<WalkStep, Tensor4D, void> {
  checkPlan("walk", plan)
  checkArgument("walk: the denoiser", denoise, "a function")
  checkArgument("walk: the start", start, "a tensor")
  checkOptions<WalkOptions>("walk", options, WALK_KINDS)
  const { sampler, samplerOptions, timesteps } = plan
  const { sigmas } = plan.levels
  const { noise, from = 0, to = sigmas.length - 1, countsMissed = false, afterStep } = options
  const steps = sigmas.length - 1
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || from >= to || to > steps) {
    throw new CoreError(
      "option-range",
      `generate: the walk goes from step ${from} to ${to}, expected 0 ≤ from < to ≤ ${steps}`,
    )
  }
  // Some samplers make more or fewer steps than there are levels.
  const inPlan = (count: number): number => from + count + steps - to
  const walk = sampler.sample(
    (x, sigma, at) => denoise(x, sigma, { ...at, step: at.step + from, steps: inPlan(at.steps) }),
    start,
    sigmas.slice(from, to + 1),
    {
      ...{ options: samplerOptions, timesteps },
      ...(countsMissed ? { missed: sigmas.slice(0, from).reverse() } : {}),
      ...(noise === undefined ? {} : { noise }),
      ...(afterStep === undefined
        ? {}
        : { afterStep: (x, at) => afterStep(x, { ...at, step: at.step + from, steps: inPlan(at.steps) }) }),
    },
  )
  let finished = false
  try {
    for (;;) {
      const next = await walk.next()
      if (next.done === true) {
        finished = true
        return next.value as Tensor4D
      }
      const { index, count, sigma, x, denoised } = next.value
      yield { step: index + from, steps: inPlan(count), sigma, latents: x as Tensor4D, denoised: denoised as Tensor4D }
    }
  } finally {
    if (!finished) await walk.return(start)
  }
}
