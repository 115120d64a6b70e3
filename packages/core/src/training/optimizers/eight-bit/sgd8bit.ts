import { defineOptimizer } from "../rule.ts"
import { blockLengths, forEachValue } from "./blocks.ts"
import { dynamicQuantiser } from "./dynamic-map.ts"

/**
 * Gradient descent with momentum that keeps its velocity in bytes. It has no Nesterov step, as in its source, which
 * takes the switch and does not follow it.
 *
 * Source: Dettmers et al. 2022 (arXiv:2110.02861), as `bitsandbytes.optim.SGD8bit` 0.50.
 */
export const SGD_8BIT = defineOptimizer({
  name: "sgdnesterov8bit",
  options: {
    /** The share of the velocity that is kept. */
    momentum: { default: 0.9, above: 0, below: 1 },
    /** Coupled: weightDecay times the parameter is added to its gradient. */
    weightDecay: { default: 0, min: 0 },
  },
  lists(model) {
    const { scales, plain } = blockLengths(model)
    return { velocityScales: { length: scales }, velocityPlain: { length: plain } }
  },
  bytes: (model) => ({ velocity: blockLengths(model).bytes }),
  update({ values, parts, gradients, learningRate, step, lists, bytes, settings: { momentum, weightDecay } }) {
    const state = { bytes: bytes.velocity, scales: lists.velocityScales, plain: lists.velocityPlain }
    forEachValue({ values, parts }, [{ state, quantiser: dynamicQuantiser(true) }], (i, numbers) => {
      const gradient = (gradients[i] as number) + weightDecay * (values[i] as number)
      const velocity = step === 1 ? gradient : momentum * (numbers[0] as number) + gradient
      numbers[0] = velocity
      values[i] = (values[i] as number) - learningRate * velocity
    })
  },
})
