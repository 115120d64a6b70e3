import type * as tf from "@tensorflow/tfjs-core"
import { logLength } from "./differences.ts"
import { type Method, type MethodRun, type Point, weighted } from "./sampler.ts"

/**
 * UniPC of order 1, 2 or 3. Before the next sample is predicted, each sample is corrected with the estimate made from
 * it. The correction needs no further evaluation. B(h) is h ("bh1") or exp(h) - 1 ("bh2").
 *
 * Source: Zhao et al. 2023 (arXiv:2302.04867), algorithms 1 and 2, for a network that predicts x0, as diffusers'
 * `UniPCMultistepScheduler`.
 */
export const unipc = ({ sigmas, options: { order, correction } }: MethodRun<"order" | "correction">): Method => {
  const orderAt = (index: number): number => Math.min(order, sigmas.length - 1 - index, index + 1)
  return {
    // The corrector uses the points at both ends of the last step, and those before.
    memory: order,
    correct: (point, past, index) => correct(point, past.slice(0, orderAt(index - 1)), correction),
    advance: ({ index, nextSigma, past, ...point }) =>
      predict([point, ...past].slice(0, nextSigma === 0 ? 1 : orderAt(index)), nextSigma, correction),
  }
}

type Correction = "bh1" | "bh2"

/** The sample at `nextSigma`. points: the latest first, as many as the order. */
function predict(points: readonly Point[], nextSigma: number, correction: Correction): tf.Tensor {
  const [from, ...before] = points as [Point, ...Point[]]
  const { nodes, sides } = conditions(from, before, nextSigma, correction)
  const known = nodes.length
  // diffusers takes the paper's shorter form for second order.
  const weights = known === 1 ? [1 / 2] : solve(powers(nodes, known), sides.slice(0, known))
  return step(from, nextSigma, correction, before, nodes, weights)
}

/** The sample at `point`, computed again from the points before, with the estimate at `point`. */
function correct(point: Point, past: readonly Point[], correction: Correction): tf.Tensor {
  const [from, ...before] = past as [Point, ...Point[]]
  const { nodes: others, sides } = conditions(from, before, point.sigma, correction)
  const nodes = [...others, 1]
  const weights = nodes.length === 1 ? [1 / 2] : solve(powers(nodes, nodes.length), sides)
  return step(from, point.sigma, correction, [...before, point], nodes, weights)
}

/** x from `from` to `sigma`, with weighted differences of the other estimates, which lie at the nodes. */
function step(
  from: Point,
  sigma: number,
  correction: Correction,
  others: readonly Point[],
  nodes: readonly number[],
  weights: readonly number[],
): tf.Tensor {
  const ratio = sigma / from.sigma
  const scale = correction === "bh2" ? 1 - ratio : -Math.log(ratio)
  const factors = weights.map((weight, i) => (scale * weight) / (nodes[i] as number))
  const sum = factors.reduce((total, factor) => total + factor, 0)
  return weighted([
    [from.x, ratio],
    [from.denoised, 1 - ratio - sum],
    ...others.map(({ denoised }, i) => [denoised, factors[i] as number] as const),
  ])
}

/** Places of the points before in lengths of the step, which are negative, and the right sides of the paper's conditions. */
function conditions(
  from: Point,
  before: readonly Point[],
  sigma: number,
  correction: Correction,
): { readonly nodes: readonly number[]; readonly sides: readonly number[] } {
  const h = logLength(from.sigma, sigma)
  const nodes = before.map((point) => logLength(from.sigma, point.sigma) / h)
  const bh = correction === "bh2" ? Math.expm1(-h) : -h
  let phi = Math.expm1(-h) / -h - 1
  let factorial = 1
  const sides = Array.from({ length: nodes.length + 1 }, (_, i) => {
    const side = (phi * factorial) / bh
    factorial *= i + 2
    phi = phi / -h - 1 / factorial
    return side
  })
  return { nodes, sides }
}

/** The rows 1, r, r², … of the nodes. */
function powers(nodes: readonly number[], count: number): readonly (readonly number[])[] {
  return Array.from({ length: count }, (_, power) => nodes.map((node) => node ** power))
}

/** Solves a small system of linear equations: Gaussian elimination with the largest pivot. */
function solve(matrix: readonly (readonly number[])[], sides: readonly number[]): readonly number[] {
  const rows = matrix.map((row, i) => [...row, sides[i] as number])
  for (const column of rows.keys()) {
    const size = (row: number): number => Math.abs(rows[row]?.[column] as number)
    let pivot = column
    for (let row = column + 1; row < rows.length; row++) if (size(row) > size(pivot)) pivot = row
    const chosen = rows[pivot] as number[]
    rows[pivot] = rows[column] as number[]
    rows[column] = chosen
    for (const row of rows.slice(column + 1)) {
      const factor = (row[column] as number) / (chosen[column] as number)
      for (const [i, value] of chosen.entries()) row[i] = (row[i] as number) - factor * value
    }
  }
  const result: number[] = []
  for (let row = rows.length - 1; row >= 0; row--) {
    const values = rows[row] as number[]
    const known = result.reduce((sum, value, i) => sum + value * (values[rows.length - 1 - i] as number), 0)
    result.push(((values.at(-1) as number) - known) / (values[row] as number))
  }
  return result.reverse()
}
