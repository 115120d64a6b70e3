/** Options that all D-Adaptation optimisers have. */
export const D_OPTIONS = {
  /** The first `d`. */
  d0: { default: 1e-6, above: 0 },
  /** The largest factor between two values of `d`. Default: no limit. */
  growthRate: { default: null, min: 1 },
} as const

/**
 * The next step size: the estimate, if it is larger than the present one.
 *
 * Source: Defazio & Mishchenko 2023 (arXiv:2301.07733), algorithm 1.
 */
export function nextD(d: number, estimate: number, growthRate: number | null): number {
  return Math.max(d, growthRate === null ? estimate : Math.min(estimate, d * growthRate))
}
