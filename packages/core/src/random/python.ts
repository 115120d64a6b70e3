import { CoreError } from "../errors.ts"
import { createMt19937ByArray } from "./mt19937.ts"
import { pythonSeedWords } from "./python-seed.ts"

/** Python's `random.Random`. With it, a seed chooses the same as in programs that use it. */
export interface PythonRandom {
  /** `random()`: a number from 0 to 1, without 1. */
  random(): number
  /** `uniform(low, high)`: a number from `low` to `high`. */
  uniform(low: number, high: number): number
  /** `gauss(mean, deviation)`: a normal number. */
  gauss(mean: number, deviation: number): number
  /** `getrandbits(count)`: a whole number of as many random bits. */
  getrandbits(count: number): bigint
  /** `randrange(start, stop, step)`: a number of that range. step: above 0. Default: 1. */
  randrange(start: number, stop: number, step?: number): number
  /** `choice(list)`: an entry of a list that is not empty. */
  choice<T>(list: readonly T[]): T
  /** `choices(list, k=count)`: entries, which may be drawn again. */
  choices<T>(list: readonly T[], count: number): readonly T[]
  /** `shuffle(list)`: the entries in random order, as a new list. */
  shuffled<T>(list: readonly T[]): readonly T[]
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
 * @param seed a whole number of any size, of which Python uses the absolute value; a text, which it hashes by SHA-512; or
 * a finite number with a fraction, which it hashes.
 * @throws CoreError when a range or a count is impossible
 */
export function createPythonRandom(seed: number | bigint | string): PythonRandom {
  const next = createMt19937ByArray(pythonSeedWords(seed))
  let spare: number | undefined

  const random = (): number => ((next() >>> 5) * 0x4000000 + (next() >>> 6)) / 2 ** 53

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

  const entryOf = <T>(list: readonly T[], at: number): T => {
    if (list.length === 0) throw new CoreError("option-range", "random: the list is empty, expected an entry to choose")
    return list[at] as T
  }

  return {
    random,
    uniform: (low, high) => low + (high - low) * random(),
    gauss(mean, deviation) {
      if (spare !== undefined) {
        const value = spare
        spare = undefined
        return mean + value * deviation
      }
      const angle = random() * 2 * Math.PI
      const radius = Math.sqrt(-2 * Math.log(1 - random()))
      spare = Math.sin(angle) * radius
      return mean + Math.cos(angle) * radius * deviation
    },
    getrandbits(count) {
      if (!Number.isSafeInteger(count) || count < 0) {
        throw new CoreError("option-range", `random: ${count} bits, expected a whole number of 0 or more`)
      }
      let value = 0n
      for (let at = 0; at < count; at += 32) {
        const left = count - at
        value |= BigInt(left < 32 ? next() >>> (32 - left) : next()) << BigInt(at)
      }
      return value
    },
    randrange(start, stop, step = 1) {
      const count = Math.ceil((stop - start) / step)
      if (![start, stop, step].every(Number.isSafeInteger) || step < 1 || count < 1) {
        throw new CoreError(
          "option-range",
          `random: expected a range of whole numbers, got ${start} to ${stop} in steps of ${step}`,
        )
      }
      return start + step * below(count)
    },
    choice: (list) => entryOf(list, list.length === 0 ? 0 : below(list.length)),
    choices: (list, count) => Array.from({ length: count }, () => entryOf(list, Math.floor(random() * list.length))),
    shuffled(list) {
      const order = [...list]
      for (let i = order.length - 1; i > 0; i--) {
        const other = below(i + 1)
        ;[order[i], order[other]] = [order[other] as (typeof order)[number], order[i] as (typeof order)[number]]
      }
      return order
    },
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
