import { CoreError } from "../errors.ts"
import { createMt19937 } from "./mt19937.ts"

/** NumPy's `RandomState`, with the draws that we need. With it, a seed chooses the same as in programs that use it. */
export interface NumpyRandom {
  /** `random_sample()`: a float64 from 0 to 1, without 1. */
  double(): number
}

/**
 * A generator after `numpy.random.seed(seed)`.
 *
 * Source: NumPy 2, `_legacy_seeding` and `legacy_double`.
 *
 * @param seed a whole number from 0 to 2^32 - 1, as NumPy takes it
 * @throws CoreError for another seed
 */
export function createNumpyRandom(seed: number): NumpyRandom {
  if (!Number.isSafeInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw new CoreError("option-range", `random: the seed is ${seed}, expected a whole number from 0 to 2^32 - 1`)
  }
  const next = createMt19937(seed)
  return { double: () => ((next() >>> 5) * 0x4000000 + (next() >>> 6)) / 2 ** 53 }
}
