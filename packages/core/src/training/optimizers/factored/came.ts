import { defineOptimizer } from "../rule.ts"
import { factorParts, forEachSquare, moveMeans, rootMeanSquare } from "./matrices.ts"

/**
 * CAME: Adafactor whose steps are smaller where updates differ from their mean.
 *
 * Source: Luo et al. 2023 (arXiv:2307.02047), algorithm 2, as came-pytorch 0.1.3 (defaults included).
 */
export const CAME = defineOptimizer({
  name: "came",
  options: {
    /** The decay rate of the update's running mean. */
    beta1: { default: 0.9, min: 0, max: 1 },
    /** The decay rate of the squared gradients' means. */
    beta2: { default: 0.999, min: 0, max: 1 },
    /** The decay rate of the means of the updates' squared differences. */
    beta3: { default: 0.9999, min: 0, max: 1 },
    /** Added to the squares of gradients. */
    epsilon1: { default: 1e-30, min: 0 },
    /** Added to the squared differences. */
    epsilon2: { default: 1e-16, min: 0 },
    /** The largest root mean square of a tensor's update. */
    clipThreshold: { default: 1, above: 0 },
    /** Decoupled: a parameter shrinks by learningRate · weightDecay. */
    weightDecay: { default: 0, min: 0 },
  },
  python: { betas: ["beta1", "beta2", "beta3"], eps: ["epsilon1", "epsilon2"] },
  lists(model) {
    const { rows, columns, whole } = factorParts(model).lengths
    return {
      m: { length: model.values.length },
      ...{ rows: { length: rows }, columns: { length: columns }, v: { length: whole } },
      ...{ differenceRows: { length: rows }, differenceColumns: { length: columns } },
    }
  },
  update({ values, parts, gradients, learningRate, lists, settings }) {
    const { m, v, rows, columns, differenceRows, differenceColumns } = lists
    const { beta1, beta2, beta3, epsilon1, epsilon2, clipThreshold, weightDecay } = settings
    const square = (i: number): number => (gradients[i] as number) ** 2 + epsilon1
    const updates = new Float32Array(values.length)
    for (const factored of factorParts({ values, parts }).parts) {
      const { part, starts, at } = factored
      const end = part.offset + part.size
      const isFactored = starts.length > 0
      if (isFactored) {
        moveMeans(factored, { rows, columns }, square, 1 - beta2)
        forEachSquare(factored, { rows, columns }, (i, mean) => {
          updates[i] = (gradients[i] as number) / Math.sqrt(mean)
        })
      } else {
        for (let i = part.offset, j = at.whole; i < end; i++, j++) {
          v[j] = beta2 * (v[j] as number) + (1 - beta2) * square(i)
          updates[i] = (gradients[i] as number) / Math.sqrt(v[j] as number)
        }
      }
      const clip = Math.max(1, rootMeanSquare(updates, part) / clipThreshold)
      for (let i = part.offset; i < end; i++) {
        updates[i] = (updates[i] as number) / clip
        m[i] = beta1 * (m[i] as number) + (1 - beta1) * (updates[i] as number)
      }
      const shrink = 1 - learningRate * weightDecay
      const take = (i: number, move: number): void => {
        values[i] = (values[i] as number) * shrink - learningRate * move
      }
      if (isFactored) {
        const means = { rows: differenceRows, columns: differenceColumns }
        const difference = (i: number): number => ((updates[i] as number) - (m[i] as number)) ** 2 + epsilon2
        moveMeans(factored, means, difference, 1 - beta3)
        forEachSquare(factored, means, (i, mean) => take(i, (m[i] as number) / Math.sqrt(mean)))
      } else {
        for (let i = part.offset; i < end; i++) take(i, m[i] as number)
      }
    }
  },
})
