import { toFloat32 } from "@lllite/format"
import { float32BitsToFloat16 } from "@lllite/format/write"
import { checkArgument, checkGiven } from "../argument.ts"

/** Values that follow each other and share one power of two. */
export const ROUNDED_BLOCK = 1024

/** Gradients in float16. */
export interface RoundedGradients {
  /** For each block, the power of two by which its values were multiplied, plus 128. */
  readonly exponents: Uint8Array
  /** Bits of the float16 values. */
  readonly halves: Uint16Array
}

const scaled = new Float32Array(ROUNDED_BLOCK)
const bits = new Uint32Array(scaled.buffer)
/** The exponent of a float16 that is half of the largest one. Rounding never reaches infinity from below it. */
const TOP = 14
let decoded: Float32Array | null = null

/** The value of every float16, by its bits. */
function halfValues(): Float32Array {
  decoded ??= toFloat32(new Uint8Array(Uint16Array.from({ length: 0x1_0000 }, (_, i) => i).buffer), "F16")
  return decoded
}

/**
 * Rounds gradients to float16, each block by a power of two of its own. What is left out is kept, and comes back by the
 * next call: error feedback (Seide et al. 2014, Karimireddy et al. 2019). So the sum over calls loses nothing for good.
 * A block with a value that is not finite keeps nothing.
 *
 * @param before what earlier calls have left out. Null: nothing
 * @param after is filled with what is left out now. It may be `before`
 */
export function roundGradients(
  values: Float32Array,
  before: Float32Array | null,
  after: Float32Array,
): RoundedGradients {
  checkArgument("training: the gradients", values, "a list of numbers")
  checkArgument("training: the rest of before", before, "a list of numbers or null")
  checkArgument("training: the rest", after, "a list of numbers")
  const table = halfValues()
  const blocks = Math.ceil(values.length / ROUNDED_BLOCK)
  const rounded = { exponents: new Uint8Array(blocks), halves: new Uint16Array(values.length) }
  for (let block = 0; block < blocks; block++) {
    const from = block * ROUNDED_BLOCK
    const to = Math.min(values.length, from + ROUNDED_BLOCK)
    let most = 0
    let zero = 0
    for (let i = from; i < to; i++) {
      const value = Math.fround((values[i] as number) + (before === null ? 0 : (before[i] as number)))
      after[i] = value
      most = Math.max(most, Math.abs(value))
      zero += value * 0
    }
    const areFinite = zero === 0
    scaled[0] = most
    const exponent = areFinite && most > 0 ? Math.min(127, TOP + 127 - ((bits[0] as number) >>> 23)) : 0
    rounded.exponents[block] = exponent + 128
    const [up, down] = [2 ** exponent, 2 ** -exponent]
    for (let i = from; i < to; i++) scaled[i - from] = (after[i] as number) * up
    for (let i = from; i < to; i++) {
      const half = float32BitsToFloat16(bits[i - from] as number)
      rounded.halves[i] = half
      after[i] = areFinite ? (after[i] as number) - (table[half] as number) * down : 0
    }
  }
  return rounded
}

/** The float32 values of rounded gradients, written from the beginning of `into`. */
export function unroundGradients(rounded: RoundedGradients, into: Float32Array): void {
  checkGiven("training: the rounded gradients", rounded, "halves", "roundGradients")
  const { exponents, halves } = rounded
  checkArgument("training: the gradients", into, "a list of numbers")
  const table = halfValues()
  for (let block = 0; block < exponents.length; block++) {
    const down = 2 ** (128 - (exponents[block] as number))
    const to = Math.min(halves.length, (block + 1) * ROUNDED_BLOCK)
    for (let i = block * ROUNDED_BLOCK; i < to; i++) into[i] = (table[halves[i] as number] as number) * down
  }
}
