import { defineOptimizer } from "../rule.ts"
import { factorParts, forEachSquare, moveMeans, rootMeanSquare } from "./matrices.ts"

/**
 * Adafactor: mean squares are kept by row and column. With `relativeStep` the learning rate is not read, since the size
 * of a step follows from its number.
 *
 * Source: Shazeer & Stern 2018 (arXiv:1804.04235), as `transformers.Adafactor` 4.54 (defaults included).
 */
export const ADAFACTOR = defineOptimizer({
  name: "adafactor",
  options: {
    /** Added to the squares of gradients. */
    epsilon1: { default: 1e-30, min: 0 },
    /** The least root mean square of a tensor that scales its step. */
    epsilon2: { default: 1e-3, min: 0 },
    /** The largest root mean square of a tensor's update. */
    clipThreshold: { default: 1, above: 0 },
    /** The power of the update's number in the share of new squares. */
    decayRate: { default: -0.8, max: 0, min: -10 },
    /** The decay rate of the update's running mean. Default: there is no running mean. */
    beta1: { default: null, min: 0, below: 1 },
    /** Decoupled: a parameter shrinks by its step size · weightDecay. */
    weightDecay: { default: 0, min: 0 },
    /** Steps are relative to the root mean square of the tensor. */
    scaleParameter: { default: true },
    /** The size of a step follows from its number. */
    relativeStep: { default: true },
    /** The first steps are smaller. */
    warmupInit: { default: false },
  },
  python: { eps: ["epsilon1", "epsilon2"], beta1: "beta1" },
  lists(model, { beta1 }) {
    const { rows, columns, whole } = factorParts(model).lengths
    const m = { length: beta1 === null ? 0 : model.values.length }
    return { rows: { length: rows }, columns: { length: columns }, v: { length: whole }, m }
  },
  update({ values, parts, gradients, learningRate, step, lists: { rows, columns, v, m }, settings }) {
    const { epsilon1, epsilon2, clipThreshold, decayRate, beta1, weightDecay } = settings
    const share = step ** decayRate
    const relative = Math.min(settings.warmupInit ? 1e-6 * step : 1e-2, 1 / Math.sqrt(step))
    const square = (i: number): number => (gradients[i] as number) ** 2 + epsilon1
    const updates = new Float32Array(values.length)
    for (const factored of factorParts({ values, parts }).parts) {
      const { part, starts, at } = factored
      const scale = settings.scaleParameter ? Math.max(epsilon2, rootMeanSquare(values, part)) : 1
      const rate = scale * (settings.relativeStep ? relative : learningRate)
      if (starts.length > 0) {
        moveMeans(factored, { rows, columns }, square, share)
        forEachSquare(factored, { rows, columns }, (i, mean) => {
          updates[i] = (gradients[i] as number) / Math.sqrt(mean)
        })
      } else {
        for (let i = part.offset, j = at.whole; i < part.offset + part.size; i++, j++) {
          v[j] = (1 - share) * (v[j] as number) + share * square(i)
          updates[i] = (gradients[i] as number) / Math.sqrt(v[j] as number)
        }
      }
      const clip = Math.max(1, rootMeanSquare(updates, part) / clipThreshold)
      for (let i = part.offset; i < part.offset + part.size; i++) {
        let move = (rate * (updates[i] as number)) / clip
        if (beta1 !== null) {
          move = beta1 * (m[i] as number) + (1 - beta1) * move
          m[i] = move
        }
        values[i] = (values[i] as number) * (1 - weightDecay * rate) - move
      }
    }
  },
})
