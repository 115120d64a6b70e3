import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { AfterStep } from "../diffusion/samplers/index.ts"

/** What a mask protects. All tensors stay the caller's, and have to live as long as the walk. */
export interface Masked {
  /** The latents that are kept outside of the mask. [N, H/8, W/8, C] */
  readonly latents: Tensor4D
  /** 1 where the picture is made anew, 0 where it is kept, between for a soft edge. [N or 1, H/8, W/8, 1] */
  readonly mask: Tensor4D
  /** The unit noise that the start was made with. [N, H/8, W/8, C] */
  readonly unit: Tensor4D
}

/**
 * Puts latents back outside of a mask after each step, with noise of the level that the step has reached.
 *
 * Source: the legacy inpainting pipeline of diffusers.
 */
export function keepOutside({ latents, mask, unit }: Masked): AfterStep {
  return (x, { sigma }) =>
    tf.tidy(() => {
      const kept = tf.add(latents, tf.mul(unit, sigma))
      return tf.add(kept, tf.mul(tf.sub(x, kept), mask))
    })
}
