// Functions of four float32 lanes.

/** For a smaller x, e^x is below the smallest normal number. */
const EXP_LOW: f32 = -87.33654
/** The largest x for which `exp` splits e^x into a fraction and a power of two that float32 has. */
const EXP_HIGH: f32 = 88.37626

/**
 * e^x as in Cephes' expf: x = n ln 2 + r, a polynomial for e^r, and n added to the exponent's bits. Relative error
 * below 2e-7; 0 below -87.3, 2.4e38 above 88.4, NaN stays NaN.
 */
@inline
export function exp(x: v128): v128 {
  const clamped = f32x4.pmin(f32x4.pmax(x, f32x4.splat(EXP_LOW)), f32x4.splat(EXP_HIGH))
  const n = f32x4.nearest(f32x4.mul(clamped, f32x4.splat(1.4426950408889634)))
  // ln 2 in two parts, the first with so few bits that its product with n is exact.
  const coarse = f32x4.sub(clamped, f32x4.mul(n, f32x4.splat(0.693359375)))
  const r = f32x4.add(coarse, f32x4.mul(n, f32x4.splat(2.12194440e-4)))
  let p = f32x4.splat(1.9875691500e-4)
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1))
  const fraction = f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), f32x4.add(r, f32x4.splat(1)))
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23)
  return v128.andnot(f32x4.mul(fraction, power), f32x4.lt(x, f32x4.splat(EXP_LOW)))
}

/** 1 / (1 + e^-x) */
@inline
export function sigmoid(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp(f32x4.neg(x))))
}

/** e^(-x²/2): the bell curve before it is scaled to an area of 1. */
@inline
export function bell(x: v128): v128 {
  return exp(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5)))
}

/**
 * Φ(x), the integral of the normal distribution, from bell(x). Φ(-|x|) = bell(x) · p(t) with t = 1 / (1 + 0.32 |x|).
 * The form is that of Abramowitz and Stegun 26.2.17. The polynomial has degree 7. It is fitted to minimise the largest
 * error, which is 6e-9 before rounding.
 */
@inline
export function normalCdf(x: v128, bellOfX: v128): v128 {
  const one = f32x4.splat(1)
  const t = f32x4.div(one, f32x4.add(one, f32x4.mul(f32x4.abs(x), f32x4.splat(0.32))))
  let p = f32x4.splat(0.041957004564607894)
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(-0.22254597714777669))
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(0.372104174710988))
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(-0.1282166509875613))
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(0.19611844442500226))
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(0.11167780873894717))
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(0.12890518980425006))
  const tail = f32x4.mul(bellOfX, f32x4.mul(p, t))
  return v128.bitselect(f32x4.sub(one, tail), tail, f32x4.gt(x, f32x4.splat(0)))
}

/** d/dx x Φ(x) = Φ(x) + x φ(x) */
@inline
export function geluSlope(x: v128): v128 {
  const curve = bell(x)
  const density = f32x4.mul(curve, f32x4.splat(0.3989422804014327))
  return f32x4.add(normalCdf(x, curve), f32x4.mul(x, density))
}

/** d/dx x σ(βx) = σ(βx) (1 + βx (1 − σ(βx))) */
@inline
export function swishSlope(x: v128, beta: f32): v128 {
  const one = f32x4.splat(1)
  const scaled = f32x4.mul(x, f32x4.splat(beta))
  const gate = sigmoid(scaled)
  return f32x4.mul(gate, f32x4.add(f32x4.mul(scaled, f32x4.sub(one, gate)), one))
}
