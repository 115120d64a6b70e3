import { CoreError } from "../errors.ts"
import { sha512 } from "./sha512.ts"

/**
 * The words of 32 bits with which CPython seeds its Mersenne Twister, lowest first, at least one.
 *
 * Source: CPython 3.11, `Random.seed` (version 2) and `random_seed`.
 *
 * @throws CoreError for a number that is not finite
 */
export function pythonSeedWords(seed: number | bigint | string): Uint32Array {
  const value =
    typeof seed === "bigint"
      ? seed
      : typeof seed === "string"
        ? textValue(seed)
        : Number.isSafeInteger(seed)
          ? BigInt(seed)
          : floatHash(seed)
  const words: number[] = []
  for (let rest = value < 0n ? -value : value; rest > 0n; rest >>= 32n) words.push(Number(rest & 0xffffffffn))
  return Uint32Array.from(words.length === 0 ? [0] : words)
}

/** The bytes of a text and of its hash, as one large number. */
function textValue(text: string): bigint {
  const bytes = new TextEncoder().encode(text)
  let value = 0n
  for (const byte of [...bytes, ...sha512(bytes)]) value = (value << 8n) | BigInt(byte)
  return value
}

/** Python's hashes of numbers are remainders of this prime. */
const MODULUS = 2n ** 61n - 1n

/** `hash(value)` as 64 bits without a sign. Source: CPython 3.11, `_Py_HashDouble`. */
function floatHash(value: number): bigint {
  if (!Number.isFinite(value)) {
    throw new CoreError("option-range", `random: the seed is ${value}, expected a finite number or a text`)
  }
  let size = Math.abs(value)
  let halvings = 0n
  while (!Number.isInteger(size)) {
    size *= 2
    halvings += 1n
  }
  // Half of 1 is 2^60, because 2^61 leaves the remainder 1.
  const hash = (BigInt(size) * 2n ** ((60n * halvings) % 61n)) % MODULUS
  const signed = value < 0 ? -hash : hash
  // -1 stands for an error in CPython.
  return BigInt.asUintN(64, signed === -1n ? -2n : signed)
}
