import { bell, geluSlope, normalCdf, sigmoid, swishSlope } from "./math"
import { put, take } from "./vector"

/** y = x σ(βx): SiLU with β = 1, the quick GELU with β = 1.702. */
export function swish(x: usize, y: usize, count: i32, beta: f32): void {
  for (let i = 0; i < count; i += 4) {
    const at = (<usize>i) << 2
    const value = take(x + at, count - i)
    put(y + at, f32x4.mul(value, sigmoid(f32x4.mul(value, f32x4.splat(beta)))), count - i)
  }
}

export function swishGradient(x: usize, dy: usize, dx: usize, count: i32, beta: f32): void {
  for (let i = 0; i < count; i += 4) {
    const at = (<usize>i) << 2
    const left = count - i
    put(dx + at, f32x4.mul(take(dy + at, left), swishSlope(take(x + at, left), beta)), left)
  }
}

/** y = x Φ(x) */
export function gelu(x: usize, y: usize, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const at = (<usize>i) << 2
    const value = take(x + at, count - i)
    put(y + at, f32x4.mul(value, normalCdf(value, bell(value))), count - i)
  }
}

export function geluGradient(x: usize, dy: usize, dx: usize, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const at = (<usize>i) << 2
    const left = count - i
    put(dx + at, f32x4.mul(take(dy + at, left), geluSlope(take(x + at, left))), left)
  }
}

/** h: [rows, 2·width] → y: [rows, width], the first half of each row times the GELU of the second. */
export function geglu(h: usize, y: usize, rows: i32, width: i32): void {
  const half = (<usize>width) << 2
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i += 4) {
      const at = (<usize>i) << 2
      const left = width - i
      const gate = take(h + half + at, left)
      const opened = f32x4.mul(gate, normalCdf(gate, bell(gate)))
      put(y + at, f32x4.mul(take(h + at, left), opened), left)
    }
    h += 2 * half
    y += half
  }
}

/** dh: [rows, 2·width] */
export function gegluGradient(h: usize, dy: usize, dh: usize, rows: i32, width: i32): void {
  const half = (<usize>width) << 2
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i += 4) {
      const at = (<usize>i) << 2
      const left = width - i
      const incoming = take(dy + at, left)
      const value = take(h + at, left)
      const gate = take(h + half + at, left)
      const curve = bell(gate)
      const cdf = normalCdf(gate, curve)
      const slope = f32x4.add(cdf, f32x4.mul(gate, f32x4.mul(curve, f32x4.splat(0.3989422804014327))))
      put(dh + at, f32x4.mul(incoming, f32x4.mul(gate, cdf)), left)
      put(dh + half + at, f32x4.mul(incoming, f32x4.mul(value, slope)), left)
    }
    h += 2 * half
    dh += 2 * half
    dy += half
  }
}

/** dx = dy where y > 0, else 0 */
export function reluGradient(y: usize, dy: usize, dx: usize, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const at = (<usize>i) << 2
    const left = count - i
    put(dx + at, v128.and(take(dy + at, left), f32x4.gt(take(y + at, left), f32x4.splat(0))), left)
  }
}
