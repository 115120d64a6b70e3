import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkArguments } from "../argument.ts"
import { startFactor } from "../diffusion/samplers/index.ts"
import { CoreError } from "../errors.ts"
import { checkPlan, type SamplingPlan } from "./plan-sampling.ts"

/**
 * The start of a run from noise alone.
 * unit: unit normal noise, [N, H/8, W/8, C] → the sample at the first level, a new tensor
 */
export function startFromNoise(plan: SamplingPlan, unit: Tensor4D): Tensor4D {
  checkPlan("start", plan)
  checkArgument("start: the noise", unit, "a tensor")
  const { sampler, levels, spacing, spacingOptions } = plan
  const factor = startFactor(sampler, levelAt(levels.sigmas, 0), spacing, spacingOptions.startScale)
  return tf.tidy(() => tf.mul(unit, factor) as Tensor4D)
}

/**
 * The start of a run from latents, for example of a picture, of an upscaled picture or of another run. It adds noise of
 * the level of `step`, where the walk begins.
 * latents, unit: [N, H/8, W/8, C] → the same, a new tensor
 *
 * @param level The step whose level the noise has. sd-scripts begins one step below it. Default: `step`.
 * @throws CoreError when the plan has no such step
 */
export function startFromLatents(
  plan: SamplingPlan,
  latents: Tensor4D,
  unit: Tensor4D,
  step: number,
  level = step,
): Tensor4D {
  checkPlan("start", plan)
  checkArguments("start", "a tensor", { latents, noise: unit })
  const { sigmas } = plan.levels
  const sigma = levelAt(sigmas, level)
  return tf.tidy(() => tf.mul(tf.add(latents, tf.mul(unit, sigma)), misreadFactor(plan, sigma, levelAt(sigmas, step))))
}

/**
 * The factor on a sample of one level that is read as a sample of another. Samplers of sd-scripts that start from
 * noise of unit variance keep samples in the variance-preserving form, whose scale depends on the level.
 */
export function misreadFactor({ sampler }: SamplingPlan, sigma: number, read: number): number {
  return sampler.startScale === "sigma" || sigma === read ? 1 : Math.hypot(read, 1) / Math.hypot(sigma, 1)
}

/** The level at which a step begins. The run ends at the last level. */
function levelAt(sigmas: readonly number[], step: number): number {
  const sigma = sigmas[step]
  if (sigma === undefined)
    throw new CoreError("option-range", `generate: step is ${step}, expected 0 to ${sigmas.length - 1}`)
  return sigma
}
