/// <reference path="./gradients.d.ts" />
import { getGradient, RealDiv } from "@tensorflow/tfjs-core"

/**
 * Registers the gradients of TensorFlow.js' own kernels, which `@tensorflow/tfjs-core` alone does not. Gradients that
 * are there stay, such as those that `@tensorflow/tfjs` registers. Call it once before training or `tf.grad`.
 */
export async function registerGradients(): Promise<void> {
  if (getGradient(RealDiv) !== undefined) return
  const { areRegistered } = await import("lllite-core:gradients")
  if (!areRegistered) throw new Error("the gradients of TensorFlow.js are not in this bundle")
}
