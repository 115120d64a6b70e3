import * as tf from "@tensorflow/tfjs-core"
import { derivative, type Method, type MethodRun } from "./sampler.ts"

const ORDER = 4

/**
 * Linear multistep: a polynomial in sigma through the slopes of the last four points, integrated over the step. Fourth
 * order from the fourth point on. One evaluation per step.
 *
 * Source: k-diffusion `sample_lms`; Adams-Bashforth for levels at uneven distances.
 */
export const lms = ({ missed }: Pick<MethodRun, "missed">): Method => ({
  memory: ORDER - 1,
  advance({ nextSigma, past, ...point }) {
    const points = [point, ...past]
    const weights = basisIntegrals(
      [...points.map(({ sigma }) => sigma), ...missed].slice(0, ORDER),
      point.sigma,
      nextSigma,
    )
    return tf.tidy(() =>
      points.reduce<tf.Tensor>((x, each, i) => tf.add(x, tf.mul(derivative(each), weights[i] as number)), point.x),
    )
  },
})

/** Integral from `from` to `to` of each Lagrange basis polynomial over the nodes. Polynomials are at most cubic. */
function basisIntegrals(nodes: readonly number[], from: number, to: number): readonly number[] {
  const half = (to - from) / 2
  const middle = (from + to) / 2
  // Gauss-Legendre with two points is exact for cubics.
  const offset = half / Math.sqrt(3)
  return nodes.map((node, i) => {
    const basis = (sigma: number): number =>
      nodes.reduce((product, other, j) => (j === i ? product : (product * (sigma - other)) / (node - other)), 1)
    return half * (basis(middle - offset) + basis(middle + offset))
  })
}
