import { sigmoid, swishSlope } from "./math"
import { addToSums, padded, put, take } from "./vector"

/** Rows that are summed in float32 before the sum is added in float64. A strip of them stays in the cache. */
const CHUNK = 32

/** Values that both kernels need in their scratch memory: two float64 sums and two float32 factors for each channel. */
export function groupNormScratch(channels: i32): i32 {
  return padded(channels) * 6
}

/**
 * x, y: [n, rows, channels]. scale, shift: [channels]. stats: [n, groups, 2].
 *
 * `stats` gets the mean and 1 / deviation of every group. With `silu`, y = z σ(z) of the normalised z.
 */
export function groupNorm(
  x: usize,
  scale: usize,
  shift: usize,
  y: usize,
  stats: usize,
  scratch: usize,
  n: i32,
  rows: i32,
  channels: i32,
  groups: i32,
  epsilon: f32,
  silu: bool,
): void {
  const width = padded(channels)
  const rowBytes = (<usize>channels) << 2
  const perGroup = channels / groups
  const share = 1 / (<f64>rows * <f64>perGroup)
  const sums = scratch
  const means = sums + ((<usize>width) << 3)
  const inverses = means + ((<usize>width) << 2)
  for (let sample = 0; sample < n; sample++) {
    memory.fill(scratch, 0, (<usize>groupNormScratch(channels)) << 2)
    addSquares(x, means, sums, rows, channels, false)
    for (let group = 0; group < groups; group++) {
      const mean = <f32>(sumOfGroup(sums, group, perGroup) * share)
      store<f32>(stats + ((<usize>group) << 3), mean)
      fillGroup(means, group, perGroup, mean)
    }
    memory.fill(sums, 0, (<usize>width) << 3)
    addSquares(x, means, sums, rows, channels, true)
    for (let group = 0; group < groups; group++) {
      const inverse = <f32>(1 / sqrt<f64>(sumOfGroup(sums, group, perGroup) * share + <f64>epsilon))
      store<f32>(stats + ((<usize>group) << 3), inverse, 4)
      fillGroup(inverses, group, perGroup, inverse)
    }
    for (let row = 0; row < rows; row++) {
      for (let c = 0; c < channels; c += 4) {
        const at = (<usize>c) << 2
        const left = channels - c
        const hat = f32x4.mul(f32x4.sub(take(x + at, left), v128.load(means + at)), v128.load(inverses + at))
        const z = f32x4.add(f32x4.mul(hat, take(scale + at, left)), take(shift + at, left))
        put(y + at, silu ? f32x4.mul(z, sigmoid(z)) : z, left)
      }
      x += rowBytes
      y += rowBytes
    }
    stats += (<usize>groups) << 3
  }
}

/** dx of `groupNorm`, from its stats. `beside`, a slope at x from elsewhere or address 0, is added to it. */
export function groupNormGradient(
  x: usize,
  scale: usize,
  shift: usize,
  stats: usize,
  dy: usize,
  dx: usize,
  beside: usize,
  scratch: usize,
  n: i32,
  rows: i32,
  channels: i32,
  groups: i32,
  silu: bool,
): void {
  const width = padded(channels)
  const rowBytes = (<usize>channels) << 2
  const perGroup = channels / groups
  const share = 1 / (<f64>rows * <f64>perGroup)
  const sums = scratch
  const alongs = sums + ((<usize>width) << 3)
  const means = alongs + ((<usize>width) << 3)
  const inverses = means + ((<usize>width) << 2)
  // The means of a group are written over its sums. Sums are twice as wide, so no other group's sums are overwritten.
  const meanSlopes = sums
  const meanAlongs = alongs
  for (let sample = 0; sample < n; sample++) {
    memory.fill(scratch, 0, (<usize>groupNormScratch(channels)) << 2)
    for (let group = 0; group < groups; group++) {
      fillGroup(means, group, perGroup, load<f32>(stats + ((<usize>group) << 3)))
      fillGroup(inverses, group, perGroup, load<f32>(stats + ((<usize>group) << 3), 4))
    }
    for (let start = 0; start < rows; start += CHUNK) {
      const count = min(CHUNK, rows - start)
      for (let c = 0; c < channels; c += 4) {
        const left = channels - c
        const inRow = (<usize>c) << 2
        const mean = v128.load(means + inRow)
        const inverse = v128.load(inverses + inRow)
        const gain = take(scale + inRow, left)
        const offset = take(shift + inRow, left)
        let sum = f32x4.splat(0)
        let along = f32x4.splat(0)
        let at = <usize>start * rowBytes + inRow
        for (let row = 0; row < count; row++) {
          const hat = f32x4.mul(f32x4.sub(take(x + at, left), mean), inverse)
          let dHat = f32x4.mul(take(dy + at, left), gain)
          if (silu) dHat = f32x4.mul(dHat, swishSlope(f32x4.add(f32x4.mul(hat, gain), offset), 1))
          put(dx + at, dHat, left)
          sum = f32x4.add(sum, dHat)
          along = f32x4.add(along, f32x4.mul(dHat, hat))
          at += rowBytes
        }
        addToSums(sums + 2 * inRow, sum)
        addToSums(alongs + 2 * inRow, along)
      }
    }
    for (let group = 0; group < groups; group++) {
      const meanSlope = <f32>(sumOfGroup(sums, group, perGroup) * share)
      const meanAlong = <f32>(sumOfGroup(alongs, group, perGroup) * share)
      fillGroup(meanSlopes, group, perGroup, meanSlope)
      fillGroup(meanAlongs, group, perGroup, meanAlong)
    }
    for (let row = 0; row < rows; row++) {
      for (let c = 0; c < channels; c += 4) {
        const at = (<usize>c) << 2
        const left = channels - c
        const inverse = v128.load(inverses + at)
        const hat = f32x4.mul(f32x4.sub(take(x + at, left), v128.load(means + at)), inverse)
        const lost = f32x4.add(v128.load(meanSlopes + at), f32x4.mul(hat, v128.load(meanAlongs + at)))
        const slope = f32x4.mul(f32x4.sub(take(dx + at, left), lost), inverse)
        put(dx + at, beside == 0 ? slope : f32x4.add(take(beside + at, left), slope), left)
      }
      if (beside != 0) beside += rowBytes
      x += rowBytes
      dy += rowBytes
      dx += rowBytes
    }
    stats += (<usize>groups) << 3
  }
}

/** Adds the values of every channel to its sum. With `squared`, adds the squares of their differences to `means`. */
function addSquares(x: usize, means: usize, sums: usize, rows: i32, channels: i32, squared: bool): void {
  for (let start = 0; start < rows; start += CHUNK) {
    const count = min(CHUNK, rows - start)
    const from = x + ((<usize>(start * channels)) << 2)
    let c = 0
    // A sum waits for its last addition, so four of them take turns.
    for (; c + 16 <= channels; c += 16) addColumns(from, means, sums, count, channels, c, squared)
    for (; c < channels; c += 4) {
      const inRow = (<usize>c) << 2
      const mean = v128.load(means + inRow)
      let sum = f32x4.splat(0)
      let at = from + inRow
      for (let row = 0; row < count; row++) {
        sum = f32x4.add(sum, term(take(at, channels - c), mean, squared))
        at += (<usize>channels) << 2
      }
      addToSums(sums + 2 * inRow, sum)
    }
  }
}

/** `addSquares` for sixteen columns of a chunk. */
function addColumns(from: usize, means: usize, sums: usize, rows: i32, channels: i32, c: i32, squared: bool): void {
  const inRow = (<usize>c) << 2
  const mean0 = v128.load(means + inRow)
  const mean1 = v128.load(means + inRow, 16)
  const mean2 = v128.load(means + inRow, 32)
  const mean3 = v128.load(means + inRow, 48)
  let sum0 = f32x4.splat(0)
  let sum1 = sum0
  let sum2 = sum0
  let sum3 = sum0
  let at = from + inRow
  for (let row = 0; row < rows; row++) {
    sum0 = f32x4.add(sum0, term(v128.load(at), mean0, squared))
    sum1 = f32x4.add(sum1, term(v128.load(at, 16), mean1, squared))
    sum2 = f32x4.add(sum2, term(v128.load(at, 32), mean2, squared))
    sum3 = f32x4.add(sum3, term(v128.load(at, 48), mean3, squared))
    at += (<usize>channels) << 2
  }
  addToSums(sums + 2 * inRow, sum0)
  addToSums(sums + 2 * inRow + 32, sum1)
  addToSums(sums + 2 * inRow + 64, sum2)
  addToSums(sums + 2 * inRow + 96, sum3)
}

/** A value, or the square of its difference to a mean. */
@inline
function term(value: v128, mean: v128, squared: bool): v128 {
  if (!squared) return value
  const centred = f32x4.sub(value, mean)
  return f32x4.mul(centred, centred)
}

function sumOfGroup(sums: usize, group: i32, perGroup: i32): f64 {
  let sum: f64 = 0
  const first = sums + ((<usize>(group * perGroup)) << 3)
  for (let i = 0; i < perGroup; i++) sum += load<f64>(first + ((<usize>i) << 3))
  return sum
}

function fillGroup(values: usize, group: i32, perGroup: i32, value: f32): void {
  const first = values + ((<usize>(group * perGroup)) << 2)
  for (let i = 0; i < perGroup; i++) store<f32>(first + ((<usize>i) << 2), value)
}
