import { expectArgument } from "../argument.ts"

/** A hash that takes bytes piece by piece. */
export interface Hasher {
  update(bytes: Uint8Array): void
  /** The hash in lower-case hexadecimal. Call it once, at the end. */
  digest(): string
}

/**
 * SHA-256 (FIPS 180-4) piece by piece. WebCrypto only hashes data that is in memory as a whole, and a checkpoint is
 * not. If a faster one exists, such as `node:crypto` in Node, pass that one instead.
 */
export function createSha256(): Hasher {
  const { rounds, state } = constants()
  const schedule = new Uint32Array(64)
  const block = new Uint8Array(64)
  let filled = 0
  let total = 0

  const update = (bytes: Uint8Array): void => {
    expectArgument(bytes instanceof Uint8Array, "the bytes", bytes, "a Uint8Array")
    total += bytes.byteLength
    let at = 0
    if (filled > 0) {
      at = Math.min(64 - filled, bytes.byteLength)
      block.set(bytes.subarray(0, at), filled)
      filled += at
      if (filled < 64) return
      compress(state, rounds, schedule, block, 0)
      filled = 0
    }
    for (; at + 64 <= bytes.byteLength; at += 64) compress(state, rounds, schedule, bytes, at)
    block.set(bytes.subarray(at))
    filled = bytes.byteLength - at
  }
  return {
    update,
    digest: () => {
      const bits = BigInt(total) * 8n
      const padding = new Uint8Array((filled < 56 ? 64 : 128) - filled)
      padding[0] = 0x80
      new DataView(padding.buffer).setBigUint64(padding.byteLength - 8, bits)
      update(padding)
      return [...state].map((word) => word.toString(16).padStart(8, "0")).join("")
    },
  }
}

function compress(state: Uint32Array, rounds: Uint32Array, w: Uint32Array, bytes: Uint8Array, start: number): void {
  for (let i = 0; i < 16; i++) {
    const at = start + 4 * i
    w[i] =
      ((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)
  }
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15] as number
    const y = w[i - 2] as number
    const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3)
    const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10)
    w[i] = (w[i - 16] as number) + s0 + (w[i - 7] as number) + s1
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number]
  for (let i = 0; i < 64; i++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    const choice = (e & f) ^ (~e & g)
    const t1 = (h + s1 + choice + (rounds[i] as number) + (w[i] as number)) | 0
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    const majority = (a & b) ^ (a & c) ^ (b & c)
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + s0 + majority) | 0
  }
  for (const [i, word] of [a, b, c, d, e, f, g, h].entries()) state[i] = (state[i] as number) + word
}

function rotate(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by))
}

/**
 * Fractional parts of the cube roots of the first 64 primes and of the square roots of the first 8: FIPS 180-4, 4.2.2
 * and 5.3.3. The code computes them, because the tables follow from this rule.
 */
function constants(): { rounds: Uint32Array; state: Uint32Array } {
  const primes: number[] = []
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n)
  // floor(prime ^ (1 / root) * 2^32) in whole numbers, since a double has too few bits for all of them.
  const fraction = (prime: number, root: bigint): number => {
    const target = BigInt(prime) << (32n * root)
    let low = 0n
    let high = 1n << 40n
    while (high - low > 1n) {
      const middle = (low + high) >> 1n
      if (middle ** root <= target) low = middle
      else high = middle
    }
    return Number(BigInt.asUintN(32, low))
  }
  return {
    rounds: Uint32Array.from(primes, (prime) => fraction(prime, 3n)),
    state: Uint32Array.from(primes.slice(0, 8), (prime) => fraction(prime, 2n)),
  }
}
