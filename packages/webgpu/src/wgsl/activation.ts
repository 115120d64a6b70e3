import type { Element } from "./module.ts"

/**
 * WGSL functions of one value, or of several at once (`T`). Exponents are clamped, because WGSL lets a driver assume that
 * nothing overflows. Φ is computed from erf, Abramowitz and Stegun 1964, 7.1.26, within 1e-7.
 */
export function activationFunctions(type: Extract<Element, "f32" | "vec2f" | "vec4f">): string {
  return `alias T = ${type};
fn sigmoid(x: T) -> T { return T(1.0) / (T(1.0) + exp(-clamp(x, T(-80.0), T(80.0)))); }
fn swish(x: T, beta: f32) -> T { return x * sigmoid(beta * x); }
fn swishSlope(x: T, beta: f32) -> T {
  let gate = sigmoid(beta * x);
  return gate * (T(1.0) + beta * x * (T(1.0) - gate));
}
fn density(x: T) -> T { return 0.3989422804014327 * exp(-0.5 * min(x * x, T(160.0))); }
fn cdf(x: T) -> T {
  let z = abs(x) * 0.7071067811865476;
  let t = T(1.0) / (T(1.0) + 0.3275911 * z);
  let series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let tail = 0.5 * series * exp(-min(z * z, T(80.0)));
  return select(tail, T(1.0) - tail, x >= T(0.0));
}
fn geluSlope(x: T) -> T { return cdf(x) + x * density(x); }`
}
