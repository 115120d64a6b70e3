import * as tf from "@tensorflow/tfjs-core"
import { churn } from "./churn.ts"
import { type Advance, derivative, disposeAfter, type Method, type MethodRun, straight } from "./sampler.ts"

/**
 * Heun's method: a step with the mean of the slopes at both its ends. Second order. Every step has two evaluations,
 * except the step to sigma 0, where there is no slope.
 *
 * Source: Karras et al. 2022 (arXiv:2206.00364), algorithm 2.
 */
export const heun = (run: MethodRun<"sChurn" | "sTmin" | "sTmax" | "sNoise">): Method => ({
  ...churn(run),
  advance: advanceHeun,
})

/** One step of Heun's method. */
export async function advanceHeun({ nextSigma, evaluate, ...point }: Advance): Promise<tf.Tensor> {
  const predicted = straight(point, nextSigma)
  if (nextSigma === 0) return predicted
  return disposeAfter(predicted, async () =>
    disposeAfter(await evaluate(predicted, nextSigma), (denoised) =>
      tf.tidy(() => {
        const there = derivative({ sigma: nextSigma, x: predicted, denoised })
        return tf.add(point.x, tf.mul(tf.add(derivative(point), there), (nextSigma - point.sigma) / 2))
      }),
    ),
  )
}
