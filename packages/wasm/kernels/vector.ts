// Loads and stores of up to four float32 values, so that every kernel runs one loop over any count.

/** Reads up to four values from `at`. Lanes from `left` on are 0. */
@inline
export function take(at: usize, left: i32): v128 {
  return left >= 4 ? v128.load(at) : takePart(at, left)
}

/** Writes the first `left` lanes, at most four. */
@inline
export function put(at: usize, value: v128, left: i32): void {
  if (left >= 4) v128.store(at, value)
  else putPart(at, value, left)
}

function takePart(at: usize, left: i32): v128 {
  if (left == 1) return v128.load32_zero(at)
  const pair = v128.load64_zero(at)
  return left == 2 ? pair : v128.load32_lane(at, pair, 2, 8)
}

function putPart(at: usize, value: v128, left: i32): void {
  if (left == 1) return v128.store32_lane(at, value, 0)
  v128.store64_lane(at, value, 0)
  if (left == 3) v128.store32_lane(at, value, 2, 8)
}

/** Sum of the lanes, always in the same order. */
@inline
export function sumOf(value: v128): f32 {
  return (
    f32x4.extract_lane(value, 0) +
    f32x4.extract_lane(value, 1) +
    (f32x4.extract_lane(value, 2) + f32x4.extract_lane(value, 3))
  )
}

/** Adds four float32 lanes to four float64 sums at `sums`, so that long sums keep their precision. */
@inline
export function addToSums(sums: usize, value: v128): void {
  v128.store(sums, f64x2.add(v128.load(sums), f64x2.promote_low_f32x4(value)))
  const upper = v128.shuffle<f32>(value, value, 2, 3, 0, 1)
  v128.store(sums, f64x2.add(v128.load(sums, 16), f64x2.promote_low_f32x4(upper)), 16)
}

/** `count` rounded up to a multiple of eight, the smallest width of a tile. */
@inline
export function padded(count: i32): i32 {
  return (count + 7) & ~7
}

/** a b + c, rounded once if the machine can do it. The two builds of the kernels differ in this. */
@inline
export function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(c, f32x4.mul(a, b))
}
