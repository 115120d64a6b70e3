import { ADAMW, adamWFactors } from "../adam.ts"
import { defineOptimizer } from "../rule.ts"
import { blockLengths, forEachValue } from "./blocks.ts"
import { dynamicQuantiser } from "./dynamic-map.ts"

const { amsgrad: _, ...OPTIONS } = ADAMW.options

/**
 * AdamW that keeps its means in bytes: 256 values share one scale. Tensors of fewer than 4,096 values keep float32.
 *
 * Source: Dettmers et al. 2022 (arXiv:2110.02861), as `bitsandbytes.optim.AdamW8bit` 0.50 (defaults included).
 */
export const ADAMW_8BIT = defineOptimizer({
  name: "adamw8bit",
  options: OPTIONS,
  python: { betas: ["beta1", "beta2"], eps: "epsilon" },
  lists(model) {
    const { scales, plain } = blockLengths(model)
    return {
      ...{ mScales: { length: scales }, mPlain: { length: plain } },
      ...{ vScales: { length: scales }, vPlain: { length: plain } },
    }
  },
  bytes(model) {
    const { bytes } = blockLengths(model)
    return { m: bytes, v: bytes }
  },
  update({ values, parts, gradients, learningRate, step, lists, bytes, settings }) {
    const { mScales, mPlain, vScales, vPlain } = lists
    const factors = adamWFactors(step, learningRate, settings)
    const { beta1, beta2, epsilon, decay, stepSize, correction } = factors
    const states = [
      { state: { bytes: bytes.m, scales: mScales, plain: mPlain }, quantiser: dynamicQuantiser(true) },
      { state: { bytes: bytes.v, scales: vScales, plain: vPlain }, quantiser: dynamicQuantiser(false) },
    ]
    forEachValue({ values, parts }, states, (i, numbers) => {
      const gradient = gradients[i] as number
      const mean = beta1 * (numbers[0] as number) + (1 - beta1) * gradient
      const square = beta2 * (numbers[1] as number) + (1 - beta2) * gradient * gradient
      numbers[0] = mean
      numbers[1] = square
      values[i] = decay * (values[i] as number) - (stepSize * mean) / (Math.sqrt(square) / correction + epsilon)
    })
  },
})
