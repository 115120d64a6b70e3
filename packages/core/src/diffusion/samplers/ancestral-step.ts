import * as tf from "@tensorflow/tfjs-core"
import { disposeAfter, type MethodRun } from "./sampler.ts"

/**
 * An ancestral step to `next`. `down` is the level to reach without noise, and `up` the noise that then leads to
 * `next`. eta: the share of noise, 0 to 1. At 0, down is next.
 *
 * Source: k-diffusion `get_ancestral_step`; Song et al. 2021 (arXiv:2010.02502), equation 16.
 */
export function ancestralStep(
  sigma: number,
  next: number,
  eta: number,
): { readonly down: number; readonly up: number } {
  const whole = Math.sqrt(1 - (next / sigma) ** 2)
  // The second form equals the first one at eta 1, except for rounding.
  const down = eta === 1 ? next ** 2 / sigma : next * Math.sqrt(1 - (eta * whole) ** 2)
  return { up: next * whole * eta, down }
}

/** Adds the noise of a step to a sample below its end. The sample is disposed. */
export async function addStepNoise(
  lowered: tf.Tensor,
  up: number,
  interval: { readonly from: number; readonly to: number },
  { noise, sNoise }: Pick<MethodRun, "noise"> & { readonly sNoise: number },
): Promise<tf.Tensor> {
  if (up === 0) return lowered
  return disposeAfter(lowered, () =>
    disposeAfter(noise(interval), (unit) => tf.tidy(() => tf.add(lowered, tf.mul(unit, up * sNoise)))),
  )
}
