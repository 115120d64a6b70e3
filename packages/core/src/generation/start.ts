import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { startFactor } from "../diffusion/samplers/index.ts"
import { CoreError } from "../errors.ts"
import type { SamplingPlan } from "./plan-sampling.ts"

/**
 * The start of a run from noise alone.
 * unit: unit normal noise, [N, H/8, W/8, C] → the sample at the first level, a new tensor
 */
export function startFromNoise({ sampler, levels }: SamplingPlan, unit: Tensor4D): Tensor4D {
  return tf.tidy(() => tf.mul(unit, startFactor(sampler, levelAt(levels.sigmas, 0))) as Tensor4D)
}

/**
 * The start of a run from latents, for example of a picture, of an upscaled picture or of another run. It adds noise of
 * the level of `step`, where the walk begins.
 * latents, unit: [N, H/8, W/8, C] → the same, a new tensor
 *
 * @throws CoreError when the plan has no such step
 */
export function startFromLatents({ levels }: SamplingPlan, latents: Tensor4D, unit: Tensor4D, step: number): Tensor4D {
  const sigma = levelAt(levels.sigmas, step)
  return tf.tidy(() => tf.add(latents, tf.mul(unit, sigma)))
}

/** The level at which a step begins. The run ends at the last level. */
function levelAt(sigmas: readonly number[], step: number): number {
  const sigma = sigmas[step]
  if (sigma === undefined)
    throw new CoreError("option-range", `generate: step is ${step}, expected 0 to ${sigmas.length - 1}`)
  return sigma
}
