import * as tf from "@tensorflow/tfjs-core"
import { stableOrder } from "./differences.ts"
import { derivative, type Method, type MethodRun, weighted } from "./sampler.ts"

/**
 * DEIS in log sigma, of order 1, 2 or 3: a polynomial in log sigma through the last slopes, integrated over the step.
 * One evaluation per step.
 *
 * Source: Zhang & Chen 2023 (arXiv:2204.13902), as diffusers' `DEISMultistepScheduler`.
 */
export const deis = ({ sigmas, options }: MethodRun<"order">): Method => ({
  memory: options.order - 1,
  advance({ index, nextSigma, past, ...point }) {
    const order = stableOrder(options.order, index, sigmas.length - 1, nextSigma)
    const points = [point, ...past].slice(0, order)
    const nodes = points.map(({ sigma }) => Math.log(sigma))
    return tf.tidy(() =>
      weighted([
        [point.x, 1],
        ...points.map((each, i) => {
          const weight = basisIntegral(nodes, i, nextSigma) - basisIntegral(nodes, i, point.sigma)
          return [derivative(each), weight] as const
        }),
      ]),
    )
  },
})

/** An antiderivative in sigma of the Lagrange basis polynomial in log sigma of a node, of at most second degree. */
function basisIntegral(nodes: readonly number[], node: number, sigma: number): number {
  if (sigma === 0) return 0
  const t = Math.log(sigma)
  const own = nodes[node] as number
  const [c, d] = nodes.filter((_, i) => i !== node)
  if (c === undefined) return sigma
  if (d === undefined) return (sigma * (t - 1 - c)) / (own - c)
  return (sigma * (t ** 2 - 2 * t + 2 - (c + d) * (t - 1) + c * d)) / ((own - c) * (own - d))
}
