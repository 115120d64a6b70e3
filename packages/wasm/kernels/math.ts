import { multiplyAdd } from "./vector"

// Functions of four float32 lanes.

/** Address of the numbers that these functions read, see `setConstants`. */
let constants: usize = 0

// Where the numbers stand, in bytes.
/** For a smaller x, e^x is below the smallest normal number. */
const LEAST: usize = 0
/** The largest x for which `exp` splits e^x into a fraction and a power of two that float32 has. */
const MOST: usize = 4
const LOG2_E: usize = 8
/** ln 2 in two parts, the first with so few bits that its product with a small whole number is exact. */
const COARSE_LN2: usize = 12
const FINE_LN2: usize = 16
/** The polynomial of e^x, from the last coefficient on. */
const EXP_7: usize = 20
const EXP_6: usize = 24
const EXP_5: usize = 28
const EXP_4: usize = 32
const EXP_3: usize = 36
const EXP_2: usize = 40
const ONE: usize = 44
/** Φ(x), see `normalCdf`. */
const CDF_SCALE: usize = 48
const CDF_7: usize = 52
const CDF_6: usize = 56
const CDF_5: usize = 60
const CDF_4: usize = 64
const CDF_3: usize = 68
const CDF_2: usize = 72
const CDF_1: usize = 76
const MINUS_HALF: usize = 80
/** 1 / √(2π) */
const DENSITY: usize = 84
/** 1.5 · 2^23. A sum with it is rounded to a whole number, which stands in its last bits. */
const ROUNDER: usize = 88

/** Values that `setConstants` needs. */
export function constantsSize(): i32 {
  return 23
}

/**
 * Writes the numbers of this file to memory that stays theirs. Engines make a number of four equal lanes anew at every
 * use, in three instructions. A number in memory takes one.
 */
export function setConstants(at: usize): void {
  constants = at
  store<f32>(at, -87.33654, LEAST)
  store<f32>(at, 88.37626, MOST)
  store<f32>(at, 1.4426950408889634, LOG2_E)
  store<f32>(at, -0.693359375, COARSE_LN2)
  store<f32>(at, 2.12194440e-4, FINE_LN2)
  store<f32>(at, 1.9875691500e-4, EXP_7)
  store<f32>(at, 1.3981999507e-3, EXP_6)
  store<f32>(at, 8.3334519073e-3, EXP_5)
  store<f32>(at, 4.1665795894e-2, EXP_4)
  store<f32>(at, 1.6666665459e-1, EXP_3)
  store<f32>(at, 5.0000001201e-1, EXP_2)
  store<f32>(at, 1, ONE)
  store<f32>(at, 0.32, CDF_SCALE)
  store<f32>(at, 0.041957004564607894, CDF_7)
  store<f32>(at, -0.22254597714777669, CDF_6)
  store<f32>(at, 0.372104174710988, CDF_5)
  store<f32>(at, -0.1282166509875613, CDF_4)
  store<f32>(at, 0.19611844442500226, CDF_3)
  store<f32>(at, 0.11167780873894717, CDF_2)
  store<f32>(at, 0.12890518980425006, CDF_1)
  store<f32>(at, -0.5, MINUS_HALF)
  store<f32>(at, 0.3989422804014327, DENSITY)
  store<f32>(at, 12582912, ROUNDER)
}

/**
 * e^x as in Cephes' expf: x = n ln 2 + r, a polynomial for e^r, and n added to the exponent's bits. Relative error
 * below 2e-7; 0 below -87.3, 2.4e38 above 88.4, NaN stays NaN.
 */
@inline
export function exp(x: v128): v128 {
  const clamped = f32x4.pmin(f32x4.pmax(x, v128.load32_splat(constants, LEAST)), v128.load32_splat(constants, MOST))
  const rounded = multiplyAdd(clamped, v128.load32_splat(constants, LOG2_E), v128.load32_splat(constants, ROUNDER))
  const n = f32x4.sub(rounded, v128.load32_splat(constants, ROUNDER))
  const coarse = multiplyAdd(n, v128.load32_splat(constants, COARSE_LN2), clamped)
  const r = multiplyAdd(n, v128.load32_splat(constants, FINE_LN2), coarse)
  let p = v128.load32_splat(constants, EXP_7)
  p = multiplyAdd(p, r, v128.load32_splat(constants, EXP_6))
  p = multiplyAdd(p, r, v128.load32_splat(constants, EXP_5))
  p = multiplyAdd(p, r, v128.load32_splat(constants, EXP_4))
  p = multiplyAdd(p, r, v128.load32_splat(constants, EXP_3))
  p = multiplyAdd(p, r, v128.load32_splat(constants, EXP_2))
  const fraction = multiplyAdd(p, f32x4.mul(r, r), f32x4.add(r, v128.load32_splat(constants, ONE)))
  // The bits of 1 are those of the power 0.
  const power = i32x4.add(i32x4.shl(rounded, 23), v128.load32_splat(constants, ONE))
  return v128.andnot(f32x4.mul(fraction, power), f32x4.lt(x, v128.load32_splat(constants, LEAST)))
}

/** 1 / (1 + e^-x) */
@inline
export function sigmoid(x: v128): v128 {
  return f32x4.div(v128.load32_splat(constants, ONE), f32x4.add(v128.load32_splat(constants, ONE), exp(f32x4.neg(x))))
}

/** e^(-x²/2): the bell curve before it is scaled to an area of 1. */
@inline
export function bell(x: v128): v128 {
  return exp(f32x4.mul(f32x4.mul(x, x), v128.load32_splat(constants, MINUS_HALF)))
}

/**
 * Φ(x), the integral of the normal distribution, from bell(x). Φ(-|x|) = bell(x) · p(t) with t = 1 / (1 + 0.32 |x|).
 * The form is that of Abramowitz and Stegun 26.2.17. The polynomial has degree 7. It is fitted to minimise the largest
 * error, which is 6e-9 before rounding.
 */
@inline
export function normalCdf(x: v128, bellOfX: v128): v128 {
  const one = v128.load32_splat(constants, ONE)
  const t = f32x4.div(one, f32x4.add(one, f32x4.mul(f32x4.abs(x), v128.load32_splat(constants, CDF_SCALE))))
  let p = v128.load32_splat(constants, CDF_7)
  p = multiplyAdd(p, t, v128.load32_splat(constants, CDF_6))
  p = multiplyAdd(p, t, v128.load32_splat(constants, CDF_5))
  p = multiplyAdd(p, t, v128.load32_splat(constants, CDF_4))
  p = multiplyAdd(p, t, v128.load32_splat(constants, CDF_3))
  p = multiplyAdd(p, t, v128.load32_splat(constants, CDF_2))
  p = multiplyAdd(p, t, v128.load32_splat(constants, CDF_1))
  const tail = f32x4.mul(bellOfX, f32x4.mul(p, t))
  return v128.bitselect(f32x4.sub(one, tail), tail, f32x4.gt(x, f32x4.splat(0)))
}

/** d/dx x Φ(x) = Φ(x) + x φ(x) */
@inline
export function geluSlope(x: v128): v128 {
  const curve = bell(x)
  const density = f32x4.mul(curve, v128.load32_splat(constants, DENSITY))
  return f32x4.add(normalCdf(x, curve), f32x4.mul(x, density))
}

/** d/dx x σ(βx) = σ(βx) (1 + βx (1 − σ(βx))) */
@inline
export function swishSlope(x: v128, beta: f32): v128 {
  const one = v128.load32_splat(constants, ONE)
  const scaled = f32x4.mul(x, f32x4.splat(beta))
  const gate = sigmoid(scaled)
  return f32x4.mul(gate, f32x4.add(f32x4.mul(scaled, f32x4.sub(one, gate)), one))
}
