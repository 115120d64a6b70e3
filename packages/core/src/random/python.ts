import { CoreError } from "../errors.ts"
import { createMt19937ByArray } from "./mt19937.ts"

/** Python's `random.Random`. With it, a seed chooses the same as in programs that use it. */
export interface PythonRandom {
  /** `randint(low, high)`: a whole number from `low` to `high`, both included. */
  randint(low: number, high: number): number
  /** `sample(list, count)`: `count` entries at different places, in the order of drawing. */
  sample<T>(list: readonly T[], count: number): readonly T[]
}

/**
 * A generator after `random.Random(seed)`.
 *
 * Source: CPython 3.11, `Lib/random.py` and `Modules/_randommodule.c`.
 *
 * @param seed a whole number of any size. Python uses its absolute value.
 * @throws CoreError when a range or a count is impossible
 */
export function createPythonRandom(seed: number | bigint): PythonRandom {
  const next = createMt19937ByArray(wordsOf(seed))

  /** A whole number of `count` random bits, 1 to 53. */
  const bits = (count: number): number =>
    count <= 32 ? next() >>> (32 - count) : next() + (next() >>> (64 - count)) * 2 ** 32

  /** A whole number from 0 to `limit` - 1. */
  const below = (limit: number): number => {
    const count = limit.toString(2).length
    for (;;) {
      const value = bits(count)
      if (value < limit) return value
    }
  }

  return {
    randint(low, high) {
      const width = high - low + 1
      if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || width < 1) {
        throw new CoreError("option-range", `random: expected whole numbers with low ≤ high, got ${low} and ${high}`)
      }
      return low + below(width)
    },
    sample(list, count) {
      const { length } = list
      if (!Number.isSafeInteger(count) || count < 0 || count > length) {
        throw new CoreError("option-range", `random: a sample of ${count}, expected 0 to ${length}`)
      }
      // Python keeps a pool for short lists, and a set of taken places for long ones. Both choose in another order.
      const setSize = 21 + (count > 5 ? 4 ** Math.ceil(Math.log(count * 3) / Math.log(4)) : 0)
      if (length <= setSize) {
        const pool = [...list]
        return Array.from({ length: count }, (_, i) => {
          const at = below(length - i)
          const chosen = pool[at]
          pool[at] = pool[length - i - 1] as (typeof pool)[number]
          return chosen as (typeof pool)[number]
        })
      }
      const taken = new Set<number>()
      while (taken.size < count) taken.add(below(length))
      return Array.from(taken, (at) => list[at] as (typeof list)[number])
    },
  }
}

/** The absolute value of a seed in words of 32 bits, lowest first, at least one. */
function wordsOf(seed: number | bigint): Uint32Array {
  if (typeof seed === "number" && !Number.isSafeInteger(seed)) {
    throw new CoreError("option-range", `random: the seed is ${seed}, expected a whole number`)
  }
  const words: number[] = []
  for (let rest = BigInt(seed) < 0n ? -BigInt(seed) : BigInt(seed); rest > 0n; rest >>= 32n) {
    words.push(Number(rest & 0xffffffffn))
  }
  return Uint32Array.from(words.length === 0 ? [0] : words)
}
