import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { AfterStep } from "../diffusion/samplers/index.ts"

/** A mask and the latents that it protects. The caller keeps all tensors, which have to live as long as the walk. */
export interface Masked {
  /** The latents to keep outside of the mask. [N, H/8, W/8, C] */
  readonly latents: Tensor4D
  /** 1 where the picture changes, 0 where it stays, and between for a soft edge. [N or 1, H/8, W/8, 1] */
  readonly mask: Tensor4D
  /** The unit noise of the start. [N, H/8, W/8, C] */
  readonly unit: Tensor4D
}

/**
 * Restores latents outside of a mask after each step, with noise of the step's level.
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
