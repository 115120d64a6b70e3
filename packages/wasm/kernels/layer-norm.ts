import { put, sumOf, take } from "./vector"

/** x, y: [rows, width]. scale, shift: [width]. stats: [rows, 2] gets the mean and 1 / deviation of every row. */
export function layerNorm(
  x: usize,
  scale: usize,
  shift: usize,
  y: usize,
  stats: usize,
  rows: i32,
  width: i32,
  epsilon: f32,
): void {
  const bytes = (<usize>width) << 2
  const share: f32 = 1 / <f32>width
  for (let row = 0; row < rows; row++) {
    let sum = f32x4.splat(0)
    for (let i = 0; i < width; i += 4) sum = f32x4.add(sum, take(x + ((<usize>i) << 2), width - i))
    const mean = f32x4.splat(sumOf(sum) * share)
    let squares = f32x4.splat(0)
    let i = 0
    for (; i + 4 <= width; i += 4) {
      const centred = f32x4.sub(v128.load(x + ((<usize>i) << 2)), mean)
      squares = f32x4.add(squares, f32x4.mul(centred, centred))
    }
    let square = sumOf(squares)
    for (; i < width; i++) {
      const centred = load<f32>(x + ((<usize>i) << 2)) - f32x4.extract_lane(mean, 0)
      square += centred * centred
    }
    const inverse: f32 = 1 / sqrt<f32>(square * share + epsilon)
    for (let i = 0; i < width; i += 4) {
      const at = (<usize>i) << 2
      const left = width - i
      const hat = f32x4.mul(f32x4.sub(take(x + at, left), mean), f32x4.splat(inverse))
      put(y + at, f32x4.add(f32x4.mul(hat, take(scale + at, left)), take(shift + at, left)), left)
    }
    store<f32>(stats, f32x4.extract_lane(mean, 0))
    store<f32>(stats, inverse, 4)
    stats += 8
    x += bytes
    y += bytes
  }
}

/**
 * dx: dy · scale minus its mean and minus its part along the normalised row, divided by the deviation. `beside`, a slope
 * at x from elsewhere or address 0, is added to it.
 */
export function layerNormGradient(
  x: usize,
  scale: usize,
  stats: usize,
  dy: usize,
  dx: usize,
  beside: usize,
  rows: i32,
  width: i32,
): void {
  const bytes = (<usize>width) << 2
  const share: f32 = 1 / <f32>width
  for (let row = 0; row < rows; row++) {
    const mean = v128.load32_splat(stats)
    const inverse = v128.load32_splat(stats, 4)
    let sum = f32x4.splat(0)
    let along = f32x4.splat(0)
    for (let i = 0; i < width; i += 4) {
      const at = (<usize>i) << 2
      const left = width - i
      // Lanes behind the end are 0 in dHat, so their values in hat do not count.
      const dHat = f32x4.mul(take(dy + at, left), take(scale + at, left))
      const hat = f32x4.mul(f32x4.sub(take(x + at, left), mean), inverse)
      sum = f32x4.add(sum, dHat)
      along = f32x4.add(along, f32x4.mul(dHat, hat))
    }
    const meanOfSlopes = f32x4.splat(sumOf(sum) * share)
    const shareAlong = f32x4.splat(sumOf(along) * share)
    for (let i = 0; i < width; i += 4) {
      const at = (<usize>i) << 2
      const left = width - i
      const dHat = f32x4.mul(take(dy + at, left), take(scale + at, left))
      const hat = f32x4.mul(f32x4.sub(take(x + at, left), mean), inverse)
      const rest = f32x4.sub(f32x4.sub(dHat, meanOfSlopes), f32x4.mul(hat, shareAlong))
      const slope = f32x4.mul(rest, inverse)
      put(dx + at, beside == 0 ? slope : f32x4.add(take(beside + at, left), slope), left)
    }
    if (beside != 0) beside += bytes
    stats += 8
    x += bytes
    dy += bytes
    dx += bytes
  }
}
