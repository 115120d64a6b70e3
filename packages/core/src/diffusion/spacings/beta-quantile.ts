/**
 * The quantile function of a beta distribution: the x below which a share `p` of it lies. p: 0 to 1; a, b: above 0.
 *
 * Source: DLMF 8.17.22 for the distribution function, which is inverted by halving.
 */
export function betaQuantile(p: number, a: number, b: number): number {
  if (p <= 0) return 0
  if (p >= 1) return 1
  let [low, high] = [0, 1]
  for (;;) {
    const middle = (low + high) / 2
    // Two neighbours of float64 have no number between them.
    if (middle === low || middle === high) return middle
    if (betaShare(middle, a, b) < p) low = middle
    else high = middle
  }
}

/** The share of a beta distribution below x: the regularised incomplete beta function. */
function betaShare(x: number, a: number, b: number): number {
  // The fraction converges fast on this side, and the other side follows by symmetry.
  if (x > (a + 1) / (a + b + 2)) return 1 - betaShare(1 - x, b, a)
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b))
  return front / a / continuedFraction(x, a, b)
}

/** Factors of the fraction are equal to float64's last digits after at most this many terms. */
const MOST_TERMS = 500

/** The continued fraction 1 + d1/(1 + d2/(1 + …)), from the front (Lentz's method). */
function continuedFraction(x: number, a: number, b: number): number {
  let [value, above, below] = [1, 1, 0]
  for (let term = 1; term <= MOST_TERMS; term++) {
    const m = term >> 1
    const d =
      term % 2 === 0
        ? (m * (b - m) * x) / ((a + term - 1) * (a + term))
        : (-(a + m) * (a + b + m) * x) / ((a + term - 1) * (a + term))
    below = 1 / (1 + d * below)
    above = 1 + d / above
    value *= above * below
    if (Math.abs(above * below - 1) < 2e-16) break
  }
  return value
}

/** Coefficients of Lanczos' approximation with g = 7 (Godfrey 2001), good to 1e-15. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]

/** log Γ(x) for x above 0. */
function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const [first = 0, ...rest] = LANCZOS
  const sum = rest.reduce((total, coefficient, i) => total + coefficient / (x + i), first)
  const t = x + 6.5
  return Math.log(2 * Math.PI) / 2 + (x - 0.5) * Math.log(t) - t + Math.log(sum)
}
