/**
 * The weights of estimates m0, m1, m2 (the latest first) in c1 D1 + c2 D2. D1 and D2 are the first and the second
 * derivative at m0 in log sigma, from divided differences. `r0` and `r1` are the lengths of the last two steps, in
 * lengths of this one. Without r1 only m0 and m1 are read, and c2 is not.
 *
 * Source: Lu et al. 2022 (arXiv:2211.01095), section 4, as diffusers and k-diffusion write it.
 */
export function differenceWeights(
  [c1, c2]: readonly [c1: number, c2: number],
  r0: number,
  r1?: number,
): readonly number[] {
  if (r1 === undefined) return [c1 / r0, -c1 / r0]
  const bend = (c1 * r0 + c2) / (r0 + r1)
  const slope = (c1 + bend) / r0
  return [slope, -slope - bend / r1, bend / r1]
}

/** Length of a step in log sigma. It is infinite for a step to 0. */
export function logLength(from: number, to: number): number {
  return Math.log(from / to)
}

/**
 * The order of a step in diffusers' multistep classes. The last step to sigma 0 would be unstable with a higher order
 * than 1. In runs of fewer than fifteen steps, the last is of first order and the one before at most of second.
 */
export function stableOrder(order: number, index: number, count: number, nextSigma: number): number {
  const isShort = count < 15
  if (nextSigma === 0 || (index === count - 1 && isShort)) return 1
  return index === count - 2 && isShort ? Math.min(order, 2) : order
}
