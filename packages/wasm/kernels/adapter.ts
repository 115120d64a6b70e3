import { reluGradient } from "./activation"
import { denseGradient, denseGradientScratch } from "./dense"
import { addTo } from "./moves"
import { product, rowListSize } from "./product"
import { put, take } from "./vector"

/*
 * An LLLite adapter of width m before an x of c channels: x + strength · up(relu(midDown(relu(down x)) + share)). Its
 * values follow one another: the weight of `down` [c, m] and its bias, `midDown` [m, m], the weight of `up` [m, c] and its
 * bias. Strengths are one for each sample, or address 0 where all are 1.
 */

/** Values that `adapter` needs in its scratch memory. */
export function adapterScratch(): i32 {
  return rowListSize(1)
}

/** x, y: [n, tokens, c]. share: [count, tokens, m]. down, middle: [n, tokens, m] get what follows each ReLU. */
export function adapter(
  x: usize,
  values: usize,
  share: usize,
  strengths: usize,
  down: usize,
  middle: usize,
  y: usize,
  scratch: usize,
  n: i32,
  count: i32,
  tokens: i32,
  c: i32,
  m: i32,
): void {
  const rows = n * tokens
  const downBias = values + ((<usize>(c * m)) << 2)
  const midDown = downBias + ((<usize>m) << 2)
  const up = midDown + ((<usize>(m * m)) << 2)
  const upBias = up + ((<usize>(m * c)) << 2)
  product(x, c, 1, values, m, downBias, down, m, rows, m, c, false, scratch)
  relu(down, rows * m)
  const shareBytes = (<usize>(count * tokens * m)) << 2
  for (let i = 0; i < n / count; i++) memory.copy(middle + <usize>i * shareBytes, share, shareBytes)
  product(down, m, 1, midDown, m, 0, middle, m, rows, m, m, true, scratch)
  relu(middle, rows * m)
  product(middle, m, 1, up, c, upBias, y, c, rows, c, m, false, scratch)
  if (strengths != 0) scale(y, strengths, y, n, tokens * c)
  addTo(y, x, rows * c)
}

/** Values that `adapterGradient` needs in its scratch memory. */
export function adapterGradientScratch(rows: i32, c: i32, m: i32): i32 {
  return rows * (2 * m + c) + denseGradientScratch(max(c, m), m)
}

/**
 * The gradients of `adapter`. dx, dValues, dShare: as x, values and share. With `accumulate`, dx is a sum that is added
 * to, as several adapters read one x.
 */
export function adapterGradient(
  x: usize,
  values: usize,
  strengths: usize,
  down: usize,
  middle: usize,
  dy: usize,
  dx: usize,
  dValues: usize,
  dShare: usize,
  scratch: usize,
  n: i32,
  count: i32,
  tokens: i32,
  c: i32,
  m: i32,
  accumulate: bool,
): void {
  const rows = n * tokens
  const downBias = (<usize>(c * m)) << 2
  const midDown = downBias + ((<usize>m) << 2)
  const up = midDown + ((<usize>(m * m)) << 2)
  const upBias = up + ((<usize>(m * c)) << 2)
  const dMiddle = scratch
  const dDown = dMiddle + ((<usize>(rows * m)) << 2)
  const scaled = dDown + ((<usize>(rows * m)) << 2)
  const rest = scaled + ((<usize>(rows * c)) << 2)
  let slope = dy
  if (strengths != 0) {
    scale(dy, strengths, scaled, n, tokens * c)
    slope = scaled
  }
  denseGradient(middle, values + up, slope, dMiddle, dValues + up, dValues + upBias, rest, rows, m, c, false)
  reluGradient(middle, dMiddle, dMiddle, rows * m)
  const shareCount = count * tokens * m
  memory.copy(dShare, dMiddle, (<usize>shareCount) << 2)
  for (let i = 1; i < n / count; i++) addTo(dShare, dMiddle + ((<usize>(i * shareCount)) << 2), shareCount)
  denseGradient(down, values + midDown, dMiddle, dDown, dValues + midDown, 0, rest, rows, m, m, false)
  reluGradient(down, dDown, dDown, rows * m)
  if (accumulate) addTo(dx, dy, rows * c)
  else memory.copy(dx, dy, (<usize>(rows * c)) << 2)
  denseGradient(x, values, dDown, dx, dValues, dValues + downBias, rest, rows, c, m, true)
}

/** max(x, 0) in place. */
function relu(x: usize, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const at = x + ((<usize>i) << 2)
    put(at, f32x4.max(take(at, count - i), f32x4.splat(0)), count - i)
  }
}

/** Multiplies every sample by its strength. from, to: [n, size] */
function scale(from: usize, strengths: usize, to: usize, n: i32, size: i32): void {
  for (let sample = 0; sample < n; sample++) {
    const strength = v128.load32_splat(strengths)
    for (let i = 0; i < size; i += 4) {
      const at = (<usize>i) << 2
      put(to + at, f32x4.mul(take(from + at, size - i), strength), size - i)
    }
    strengths += 4
    from += (<usize>size) << 2
    to += (<usize>size) << 2
  }
}
