import { checkSeed, type Seed } from "./seed.ts"

/**
 * Philox4x32-10: 128 random bits for every 128-bit counter and 64-bit key, without any state.
 *
 * Source: Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3" (Random123).
 *
 * @param words four 32-bit words: the counter going in, the random bits coming out.
 */
export function philox4x32(words: Uint32Array, key0: number, key1: number): void {
  let [a, b, c, d] = words as unknown as [number, number, number, number]
  let k0 = key0
  let k1 = key1
  for (let round = 0; round < 10; round++) {
    const highA = multiplyHigh(MULTIPLIER_0, a)
    const lowA = Math.imul(MULTIPLIER_0, a)
    const highC = multiplyHigh(MULTIPLIER_1, c)
    const lowC = Math.imul(MULTIPLIER_1, c)
    a = (highC ^ b ^ k0) >>> 0
    b = lowC >>> 0
    c = (highA ^ d ^ k1) >>> 0
    d = lowA >>> 0
    k0 = (k0 + WEYL_0) | 0
    k1 = (k1 + WEYL_1) | 0
  }
  words[0] = a
  words[1] = b
  words[2] = c
  words[3] = d
}

const MULTIPLIER_0 = 0xd2511f53
const MULTIPLIER_1 = 0xcd9e8d57
const WEYL_0 = 0x9e3779b9
const WEYL_1 = 0xbb67ae85

/** Upper 32 bits of the product of two unsigned 32-bit numbers, by 16-bit halves: a float64 has only 53 bits. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  return aHigh * bHigh + (middle >>> 16) + ((aLow * bHigh + (middle & 0xffff)) >>> 16)
}

/**
 * The two key words of a 64-bit seed, low word first.
 *
 * @throws CoreError when the seed is not an integer in 0 .. 2^64 - 1.
 */
export function keyOf(seed: Seed): readonly [number, number] {
  checkSeed("random", seed)
  const value = BigInt(seed)
  return [Number(value & 0xffffffffn), Number(value >> 32n)]
}
