import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { blurGrid, resizeGrid } from "../../models/resize-grid.ts"
import type { GradualLatent, GradualSizes } from "../gradual-latent.ts"
import { GRADUAL_LATENT_DEFAULTS } from "../gradual-latent.ts"
import { addStepNoise, ancestralStep } from "./ancestral-step.ts"
import type { Method, MethodRun } from "./sampler.ts"
import { straight } from "./sampler.ts"

/**
 * Euler's ancestral method with latents that grow between steps. The fresh noise of a step is added after the growth.
 *
 * Source: sd-scripts `EulerAncestralDiscreteSchedulerGL`.
 *
 * @param sizes Of every step of this walk
 */
export function gradualEulerAncestral(
  gradual: GradualLatent,
  { growth }: Pick<GradualSizes, "growth">,
  { noise, options: { eta, sNoise } }: MethodRun<"eta" | "sNoise">,
): Method {
  const { sNoise: growthNoise } = { ...GRADUAL_LATENT_DEFAULTS, ...gradual }
  return {
    advance({ nextSigma, index, x, denoised, sigma }) {
      const { down, up } = ancestralStep(sigma, nextSigma, eta)
      const size = growth[index] ?? null
      const lowered =
        size === null
          ? straight({ sigma, x, denoised }, down)
          : tf.tidy(() => grown(gradual, size, { sigma, x, denoised }, down))
      return addStepNoise(
        lowered,
        up,
        { from: sigma, to: nextSigma },
        { noise, sNoise: size === null ? sNoise : growthNoise },
      )
    },
  }
}

function grown(
  gradual: GradualLatent,
  size: { readonly height: number; readonly width: number },
  { sigma, x, denoised }: { readonly sigma: number; readonly x: tf.Tensor; readonly denoised: tf.Tensor },
  down: number,
): tf.Tensor {
  const resized = (values: tf.Tensor): Tensor4D => resizeGrid(values as Tensor4D, size, "bicubic")
  if (gradual.unsharp?.target !== "start") return sharpened(gradual, resized(straight({ sigma, x, denoised }, down)))
  const slope = resized(tf.div(tf.sub(x, denoised), sigma))
  return tf.add(sharpened(gradual, resized(x)), tf.mul(slope, down - sigma))
}

/** Latents of the size at the beginning of a run. x: [N, H, W, C] at the full size. The scope around tracks tensors. */
export function gradualStart(gradual: GradualLatent, { start }: Pick<GradualSizes, "start">, x: Tensor4D): Tensor4D {
  const { ratio } = { ...GRADUAL_LATENT_DEFAULTS, ...gradual }
  return tf.tidy(() => sharpened(gradual, resizeGrid(x, start, "bicubic", 1 / ratio)))
}

function sharpened({ unsharp }: GradualLatent, x: Tensor4D): Tensor4D {
  if (unsharp == null) return x
  return tf.add(x, tf.mul(tf.sub(x, blurGrid(x, unsharp.kernel, unsharp.sigma)), unsharp.strength))
}
