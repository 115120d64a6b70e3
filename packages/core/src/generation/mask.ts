import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkArguments } from "../argument.ts"
import type { AfterStep } from "../diffusion/samplers/index.ts"
import { resizeImage } from "../image/resize.ts"
import { expectSize } from "../image/size.ts"
import type { GreyImage } from "../image.ts"
import type { Grid } from "../models/taps.ts"
import { checkPlan, type SamplingPlan } from "./plan-sampling.ts"
import { misreadFactor } from "./start.ts"

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
 *
 * @param late The plan of a run that copies sd-scripts: the noise has the level at which the step began
 */
export function keepOutside(masked: Masked, late?: SamplingPlan): AfterStep {
  checkArgument("mask: what is masked", masked, "an object")
  const { latents, mask, unit } = masked
  checkArguments("mask", "a tensor", { latents, mask, unit })
  if (late !== undefined) checkPlan("mask", late)
  return (x, { step, sigma }) =>
    tf.tidy(() => {
      const level = late?.levels.sigmas[step] ?? sigma
      const factor = late === undefined ? 1 : misreadFactor(late, level, sigma)
      const kept = tf.mul(tf.add(latents, tf.mul(unit, level)), factor)
      return tf.add(kept, tf.mul(tf.sub(x, kept), mask))
    })
}

/**
 * Masks as the share of each latent pixel that changes, 0 to 1. Each mask is resized by a triangle kernel, as in
 * sd-scripts. → [N, rows, columns, 1]
 */
export function latentMask(masks: readonly GreyImage[], grid: Grid): Tensor4D {
  checkArgument("mask: the grid", grid, "an object")
  expectSize(grid.width, grid.height)
  const { height, width } = grid
  checkArgument("mask: the masks", masks, "a list")
  const values = new Float32Array(masks.length * height * width)
  for (const [i, mask] of masks.entries()) {
    const { data } = resizeImage(mask, width, height, "bilinear")
    for (const [j, value] of data.entries()) values[i * height * width + j] = value / 255
  }
  return tf.tensor4d(values, [masks.length, height, width, 1])
}
