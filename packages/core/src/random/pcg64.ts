import type { Seed } from "./seed.ts"
import { checkSeed } from "./seed.ts"

/** NumPy's PCG64. */
export interface Pcg64 {
  /** The next 64 bits. */
  next64(): bigint
  /** The next 32 bits. A word gives two, the low half first. */
  next32(): number
}

const MASK_64 = 2n ** 64n - 1n
const MASK_128 = 2n ** 128n - 1n
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n

/**
 * PCG XSL-RR 128/64 after `numpy.random.PCG64(seed)`.
 *
 * Source: O'Neill 2014 (pcg-random.org), with NumPy's `SeedSequence` for the state.
 *
 * @throws CoreError when the seed is not an integer in 0 .. 2^64 - 1.
 */
export function createPcg64(seed: Seed): Pcg64 {
  checkSeed("random", seed)
  const words = seedWords(BigInt(seed), 8)
  const wide = (at: number): bigint => BigInt(words[at] as number) | (BigInt(words[at + 1] as number) << 32n)
  const increment = ((((wide(4) << 64n) | wide(6)) << 1n) | 1n) & MASK_128
  let state = increment
  const step = (): void => {
    state = (state * MULTIPLIER + increment) & MASK_128
  }
  state = (state + ((wide(0) << 64n) | wide(2))) & MASK_128
  step()
  let half: number | undefined
  const next64 = (): bigint => {
    step()
    const mixed = ((state >> 64n) ^ state) & MASK_64
    const turn = state >> 122n
    return ((mixed >> turn) | (mixed << (64n - turn))) & MASK_64
  }
  return {
    next64,
    next32() {
      if (half !== undefined) {
        const value = half
        half = undefined
        return value
      }
      const word = next64()
      half = Number(word >> 32n)
      return Number(word & 0xffffffffn)
    },
  }
}

/** Words in the pool of a seed sequence. */
const POOL = 4

/**
 * Words for the state of a generator.
 *
 * Source: NumPy's `SeedSequence`, after O'Neill 2015, "Developing a seed_seq Alternative".
 */
function seedWords(seed: bigint, count: number): Uint32Array {
  const entropy: number[] = []
  for (let rest = seed; rest > 0n; rest >>= 32n) entropy.push(Number(rest & 0xffffffffn))
  let constant = 0x43b0d7e5
  const hashed = (value: number): number => {
    const mixed = value ^ constant
    constant = Math.imul(constant, 0x931e8875)
    return folded(Math.imul(mixed, constant))
  }
  const pool = Array.from({ length: POOL }, (_, i) => hashed(entropy[i] ?? 0))
  const mix = (at: number, value: number): void => {
    pool[at] = folded(Math.imul(0xca01f9dd, pool[at] as number) - Math.imul(0x4973f715, value))
  }
  for (let from = 0; from < POOL; from++) {
    for (let to = 0; to < POOL; to++) if (from !== to) mix(to, hashed(pool[from] as number))
  }
  for (const word of entropy.slice(POOL)) for (let to = 0; to < POOL; to++) mix(to, hashed(word))
  let outer = 0x8b51f9dd
  return Uint32Array.from({ length: count }, (_, i) => {
    const mixed = (pool[i % POOL] as number) ^ outer
    outer = Math.imul(outer, 0x58f38ded)
    return folded(Math.imul(mixed, outer))
  })
}

/** The word with its upper half laid over its lower one. */
function folded(value: number): number {
  return value ^ (value >>> 16)
}
