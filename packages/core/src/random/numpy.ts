import { CoreError } from "../errors.ts"
import { createMt19937 } from "./mt19937.ts"

/** NumPy's `RandomState`. With it, a seed chooses the same as in programs that use it. */
export interface NumpyRandom {
  /** `random_sample()`: a float64 from 0 to 1, without 1. */
  double(): number
  /** `randn()`: a normal number. */
  normal(): number
  /** `randint(low, high)`: a whole number from `low` to `high` - 1. */
  randint(low: number, high: number): number
  /** `permutation(length)`: the numbers 0 to `length` - 1 in random order. */
  permutation(length: number): readonly number[]
}

/**
 * A generator after `numpy.random.seed(seed)`.
 *
 * Source: NumPy 2, `_legacy_seeding`, `legacy_double`, `legacy_gauss` and `random_interval`.
 *
 * @param seed a whole number from 0 to 2^32 - 1, as NumPy takes it
 * @throws CoreError for another seed, or when a range is impossible
 */
export function createNumpyRandom(seed: number): NumpyRandom {
  if (!Number.isSafeInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw new CoreError("option-range", `random: the seed is ${seed}, expected a whole number from 0 to 2^32 - 1`)
  }
  const next = createMt19937(seed)
  let spare: number | undefined
  const double = (): number => ((next() >>> 5) * 0x4000000 + (next() >>> 6)) / 2 ** 53
  /** A whole number from 0 to `most`: words of as many bits, until one is not larger. */
  const upTo = (most: number): number => {
    const mask = most === 0 ? 0 : 0xffffffff >>> Math.clz32(most)
    for (;;) {
      const value = (next() & mask) >>> 0
      if (value <= most) return value
    }
  }
  return {
    double,
    normal() {
      if (spare !== undefined) {
        const value = spare
        spare = undefined
        return value
      }
      for (;;) {
        const [x, y] = [2 * double() - 1, 2 * double() - 1]
        const square = x * x + y * y
        if (square >= 1 || square === 0) continue
        const factor = Math.sqrt((-2 * Math.log(square)) / square)
        spare = factor * x
        return factor * y
      }
    },
    randint(low, high) {
      checkBounds(low, high)
      // One number alone needs no word.
      return high - low === 1 ? low : low + upTo(high - low - 1)
    },
    permutation(length) {
      const order = Array.from({ length }, (_, i) => i)
      for (let i = length - 1; i > 0; i--) {
        const other = upTo(i)
        const value = order[i] as number
        order[i] = order[other] as number
        order[other] = value
      }
      return order
    },
  }
}

/** Checks bounds of whole numbers. @throws CoreError when they are not 2^32 - 1 or fewer numbers */
export function checkBounds(low: number, high: number): void {
  if (Number.isSafeInteger(low) && Number.isSafeInteger(high) && high > low && high - low <= 0xffffffff) return
  throw new CoreError("option-range", `random: expected whole numbers with low < high, got ${low} and ${high}`)
}
