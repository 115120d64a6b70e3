import { checkArgument, checkGiven } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { checkRanges } from "../number-range.ts"
import { fnv1a32 } from "./fnv1a.ts"
import { keyOf, philox4x32 } from "./philox.ts"
import type { Seed } from "./seed.ts"

/** The position of a draw in its stream. */
export interface DrawPosition {
  /** The training or sampling step. Default: 0. */
  readonly step?: number
  /** The member of a batch, or of a data set. Default: 0. */
  readonly index?: number
}

/**
 * Random numbers without a state. A draw depends on the seed, the purpose and the position alone. So any draw can be
 * repeated, in any order. Each member of a batch gets the values that it would get alone.
 *
 * A size is a count or a shape. Values are row-major. A longer draw begins with the values of a shorter one.
 */
export interface RandomStream {
  /** Standard normal numbers. */
  normal(size: number | readonly number[], at?: DrawPosition): Float32Array
  /** Numbers in [0, 1), multiples of 2^-24. */
  uniform(size: number | readonly number[], at?: DrawPosition): Float32Array
  /** Integers in [low, high), which must be 32-bit. */
  integers(size: number | readonly number[], low: number, high: number, at?: DrawPosition): Int32Array
  /** The integers 0 .. length - 1 in random order. */
  permutation(length: number, at?: DrawPosition): Int32Array
}

/**
 * The stream of a seed and a purpose ("start noise", "timesteps", …). Streams of different purposes are independent. An
 * additional draw for one purpose changes no draw of another.
 *
 * The generator is Philox4x32-10. The seed is the key, and (block, index, step, hash of the purpose) is the counter.
 * Normal numbers use the platform's logarithm and cosine, so the last bit may differ between JavaScript engines.
 *
 * @throws CoreError when the seed is not an integer in 0 .. 2^64 - 1.
 */
export function createStream(seed: Seed, purpose: string): RandomStream {
  checkArgument("random: the purpose", purpose, "text")
  const [key0, key1] = keyOf(seed)
  const purposeHash = fnv1a32(purpose)

  /** `count` random words, rounded up to a whole block. */
  const words = (count: number, { step = 0, index = 0 }: DrawPosition): Uint32Array => {
    for (const [name, value] of Object.entries({ step, index })) {
      if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
        throw new CoreError("option-range", `random: ${name} must be an integer from 0 to 2^32 - 1, got ${value}`)
      }
    }
    const blocks = Math.ceil(count / 4)
    const result = new Uint32Array(blocks * 4)
    for (let block = 0; block < blocks; block++) {
      const counter = result.subarray(4 * block, 4 * block + 4)
      counter.set([block, index, step, purposeHash])
      philox4x32(counter, key0, key1)
    }
    return result
  }

  /** Numbers in [0, 1) with all 53 bits, two words each. */
  const fractions = (count: number, at: DrawPosition): Float64Array => {
    const source = words(2 * count, at)
    return Float64Array.from({ length: count }, (_, i) => {
      const high = (source[2 * i] as number) >>> 5
      const low = (source[2 * i + 1] as number) >>> 6
      return (high * 2 ** 26 + low) / 2 ** 53
    })
  }

  return {
    normal(size, at = {}) {
      const count = countOf(size)
      const source = words(count, at)
      const values = new Float32Array(count)
      for (let i = 0; i < count; i += 2) {
        // Box-Muller. The half keeps the logarithm's argument off 0.
        const radius = Math.sqrt(-2 * Math.log(((source[i] as number) + 0.5) / 2 ** 32))
        const angle = ((source[i + 1] as number) / 2 ** 32) * 2 * Math.PI
        values[i] = radius * Math.cos(angle)
        if (i + 1 < count) values[i + 1] = radius * Math.sin(angle)
      }
      return values
    },

    uniform(size, at = {}) {
      const count = countOf(size)
      const source = words(count, at)
      return Float32Array.from({ length: count }, (_, i) => ((source[i] as number) >>> 8) / 2 ** 24)
    },

    integers(size, low, high, at = {}) {
      if (low !== (low | 0) || high !== (high | 0) || low >= high) {
        throw new CoreError(
          "option-range",
          `random: integers need 32-bit bounds with low < high, got ${low} and ${high}`,
        )
      }
      const source = fractions(countOf(size), at)
      return Int32Array.from(source, (fraction) => low + Math.floor(fraction * (high - low)))
    },

    permutation(length, at = {}) {
      const order = Int32Array.from({ length: countOf(length) }, (_, i) => i)
      const source = fractions(length, at)
      for (let i = length - 1; i > 0; i--) {
        const other = Math.floor((source[i] as number) * (i + 1))
        const value = order[i] as number
        order[i] = order[other] as number
        order[other] = value
      }
      return order
    },
  }
}

/** The most values of a draw, which take 1 GiB. */
const MOST_VALUES = 2 ** 28

/**
 * Normal noise for a batch. Row r has the values that member `index + r` gets alone.
 * rowShape: [H, W, C] → values of shape [rows, H, W, C]
 */
export function normalRows(
  stream: RandomStream,
  rows: number,
  rowShape: readonly number[],
  at: DrawPosition = {},
): Float32Array {
  checkGiven("random: the stream", stream, "normal", "createStream")
  checkArgument("random: the position", at, "an object")
  checkRanges("random", { rows }, { rows: { integer: true, min: 0 } })
  const size = countOf(rowShape)
  const values = new Float32Array(countOf(rows) * size)
  for (let row = 0; row < rows; row++) {
    values.set(stream.normal(size, { ...at, index: (at.index ?? 0) + row }), row * size)
  }
  return values
}

function countOf(size: number | readonly number[]): number {
  checkArgument("random: the size", size, "a number or a list")
  const dimensions = typeof size === "number" ? [size] : size
  for (const dimension of dimensions) {
    if (!Number.isSafeInteger(dimension) || dimension < 0) {
      throw new CoreError(
        "option-range",
        `random: a size must be made of integers of 0 or more, got [${dimensions.join(", ")}]`,
      )
    }
  }
  const count = dimensions.reduce((product, dimension) => product * dimension, 1)
  if (count <= MOST_VALUES) return count
  throw new CoreError("option-range", `random: ${dimensions.join(" x ")} values are too many, expected at most 2^28`)
}
