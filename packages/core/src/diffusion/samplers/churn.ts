import * as tf from "@tensorflow/tfjs-core"
import type { Method, MethodRun } from "./sampler.ts"

/** A step raises the level at most by this share. */
const LARGEST_RAISE = Math.SQRT2 - 1

/**
 * Adds noise before a step, which raises the sample to a higher level. sChurn is the total over all steps. Steps with
 * sigma in sTmin … sTmax get noise.
 *
 * Source: Karras et al. 2022 (arXiv:2206.00364), algorithm 2.
 */
export function churn({
  sigmas,
  noise,
  options: { sChurn, sTmin, sTmax, sNoise },
}: MethodRun<"sChurn" | "sTmin" | "sTmax" | "sNoise">): Pick<Method, "raise"> {
  if (sChurn === 0) return {}
  const share = Math.min(sChurn / (sigmas.length - 1), LARGEST_RAISE)
  return {
    raise({ sigma, x }) {
      if (sigma < sTmin || sigma > sTmax) return null
      const raised = sigma * (share + 1)
      return {
        sigma: raised,
        x: tf.tidy(() =>
          tf.add(x, tf.mul(noise({ from: sigma, to: raised }), sNoise * Math.sqrt(raised ** 2 - sigma ** 2))),
        ),
      }
    },
  }
}
