const MASK = 2n ** 64n - 1n
const ROUNDS = 80
const BLOCK_BYTES = 128

/**
 * SHA-512 of bytes, without waiting. The platform's own hash is asynchronous.
 *
 * Source: FIPS 180-4, section 6.4.
 */
export function sha512(bytes: Uint8Array): Uint8Array {
  const constants = primes(ROUNDS).map((prime) => root(prime << 192n, 3n) & MASK)
  const hash = primes(8).map((prime) => root(prime << 128n, 2n) & MASK)
  const padded = new Uint8Array(Math.ceil((bytes.length + 17) / BLOCK_BYTES) * BLOCK_BYTES)
  padded.set(bytes)
  padded[bytes.length] = 0x80
  new DataView(padded.buffer).setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n)
  for (let at = 0; at < padded.length; at += BLOCK_BYTES)
    addBlock(hash, padded.subarray(at, at + BLOCK_BYTES), constants)
  const result = new Uint8Array(64)
  const view = new DataView(result.buffer)
  for (const [i, word] of hash.entries()) view.setBigUint64(8 * i, word)
  return result
}

function addBlock(hash: bigint[], block: Uint8Array, constants: readonly bigint[]): void {
  const view = new DataView(block.buffer, block.byteOffset)
  const words: bigint[] = []
  for (let t = 0; t < ROUNDS; t++) {
    if (t < 16) words.push(view.getBigUint64(8 * t))
    else {
      const [early, late] = [words[t - 15] as bigint, words[t - 2] as bigint]
      const small = turned(early, 1n) ^ turned(early, 8n) ^ (early >> 7n)
      const large = turned(late, 19n) ^ turned(late, 61n) ^ (late >> 6n)
      words.push((large + (words[t - 7] as bigint) + small + (words[t - 16] as bigint)) & MASK)
    }
  }
  let [a, b, c, d, e, f, g, h] = hash as [bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint]
  for (let t = 0; t < ROUNDS; t++) {
    const choice = (e & f) ^ (~e & MASK & g)
    const majority = (a & b) ^ (a & c) ^ (b & c)
    const first = h + (turned(e, 14n) ^ turned(e, 18n) ^ turned(e, 41n)) + choice + (constants[t] as bigint)
    const next = first + (words[t] as bigint)
    const second = (turned(a, 28n) ^ turned(a, 34n) ^ turned(a, 39n)) + majority
    ;[a, b, c, d, e, f, g, h] = [(next + second) & MASK, a, b, c, (d + next) & MASK, e, f, g]
  }
  for (const [i, word] of [a, b, c, d, e, f, g, h].entries()) hash[i] = ((hash[i] as bigint) + word) & MASK
}

/** The word, turned to the right. */
function turned(word: bigint, bits: bigint): bigint {
  return ((word >> bits) | (word << (64n - bits))) & MASK
}

/** The first prime numbers. */
function primes(count: number): readonly bigint[] {
  const found: number[] = []
  for (let number = 2; found.length < count; number++) {
    if (found.every((prime) => number % prime !== 0)) found.push(number)
  }
  return found.map(BigInt)
}

/** The whole part of a root, by Newton's method from above. */
function root(value: bigint, degree: bigint): bigint {
  let guess = 2n ** (BigInt(value.toString(2).length) / degree + 1n)
  for (;;) {
    const next = ((degree - 1n) * guess + value / guess ** (degree - 1n)) / degree
    if (next >= guess) return guess
    guess = next
  }
}
