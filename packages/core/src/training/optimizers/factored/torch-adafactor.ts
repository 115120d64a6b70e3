import { defineOptimizer } from "../rule.ts"
import { factorParts, forEachSquare, moveMeans, rootMeanSquare } from "./matrices.ts"

/** The distance from 1 to the next float32. */
const FLOAT32_EPSILON = 2 ** -23

/**
 * Adafactor as PyTorch has it: steps are relative to tensors, and limited by the learning rate.
 *
 * Source: Shazeer & Stern 2018 (arXiv:1804.04235), as `torch.optim.Adafactor` 2.8 (defaults included).
 */
export const TORCH_ADAFACTOR = defineOptimizer({
  name: "torch.optim.adafactor",
  hasOneRate: true,
  options: {
    /** The power of the update's number in the share of new squares. */
    beta2Decay: { default: -0.8, max: 0, min: -10 },
    /** The least mean square that is divided by is its square. Default: the distance from 1 to the next float32. */
    epsilon1: { default: null, min: 0 },
    /** The least root mean square of a tensor that scales its step. */
    epsilon2: { default: 1e-3, min: 0 },
    /** The largest root mean square of a tensor's update. */
    d: { default: 1, min: 1 },
    /** Decoupled: a parameter shrinks by learningRate · weightDecay. */
    weightDecay: { default: 0, min: 0 },
  },
  python: { eps: ["epsilon1", "epsilon2"] },
  lists(model) {
    const { rows, columns, whole } = factorParts(model).lengths
    return { rows: { length: rows }, columns: { length: columns }, v: { length: whole } }
  },
  update({ values, parts, gradients, learningRate, step, lists: { rows, columns, v }, settings }) {
    const { beta2Decay, epsilon2, d, weightDecay } = settings
    const epsilon1 = settings.epsilon1 ?? FLOAT32_EPSILON
    const share = step ** beta2Decay
    const relative = Math.min(learningRate, 1 / Math.sqrt(step))
    const square = (i: number): number => (gradients[i] as number) ** 2
    const updates = new Float32Array(values.length)
    const setUpdate = (i: number, mean: number): void => {
      updates[i] = (gradients[i] as number) / Math.sqrt(Math.max(mean, epsilon1 ** 2))
    }
    for (const factored of factorParts({ values, parts }).parts) {
      const { part, starts, at } = factored
      const rate = Math.max(epsilon2, rootMeanSquare(values, part)) * relative
      if (starts.length > 0) {
        moveMeans(factored, { rows, columns }, square, share)
        forEachSquare(factored, { rows, columns }, setUpdate, epsilon1)
      } else {
        for (let i = part.offset, j = at.whole; i < part.offset + part.size; i++, j++) {
          v[j] = (1 - share) * (v[j] as number) + share * square(i)
          setUpdate(i, v[j] as number)
        }
      }
      const clip = Math.max(1, rootMeanSquare(updates, part) / d)
      for (let i = part.offset; i < part.offset + part.size; i++) {
        values[i] = (values[i] as number) * (1 - learningRate * weightDecay) - (rate * (updates[i] as number)) / clip
      }
    }
  },
})
