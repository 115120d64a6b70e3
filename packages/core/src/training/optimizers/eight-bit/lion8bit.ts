import { LION } from "../lion.ts"
import { defineOptimizer } from "../rule.ts"
import { blockLengths, forEachValue } from "./blocks.ts"
import { dynamicQuantiser } from "./dynamic-map.ts"

/**
 * Lion that keeps its mean in bytes: 256 values share one scale. Tensors of fewer than 4,096 values keep float32.
 *
 * Source: Dettmers et al. 2022 (arXiv:2110.02861), as `bitsandbytes.optim.Lion8bit` 0.50 (defaults included).
 */
export const LION_8BIT = defineOptimizer({
  name: "lion8bit",
  options: LION.options,
  python: { betas: ["beta1", "beta2"] },
  lists(model) {
    const { scales, plain } = blockLengths(model)
    return { mScales: { length: scales }, mPlain: { length: plain } }
  },
  bytes: (model) => ({ m: blockLengths(model).bytes }),
  update({ values, parts, gradients, learningRate, lists: { mScales, mPlain }, bytes, settings }) {
    const { beta1, beta2, weightDecay } = settings
    const state = { bytes: bytes.m, scales: mScales, plain: mPlain }
    forEachValue({ values, parts }, [{ state, quantiser: dynamicQuantiser(true) }], (i, numbers) => {
      const [gradient, mean] = [gradients[i] as number, numbers[0] as number]
      const direction = Math.sign(beta1 * mean + (1 - beta1) * gradient)
      values[i] = (values[i] as number) * (1 - learningRate * weightDecay) - learningRate * direction
      numbers[0] = beta2 * mean + (1 - beta2) * gradient
    })
  },
})
