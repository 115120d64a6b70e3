/**
 * The 256 numbers from -1 (or 0) to 1 that a byte stands for, rising. Bytes near 0 are close to each other.
 *
 * Source: Dettmers 2016 (arXiv:1511.04561), as `bitsandbytes.functional.create_dynamic_map`.
 */
export function dynamicMap(signed: boolean): Float32Array {
  const numbers = [0, 1]
  for (let exponent = 0; exponent < 7; exponent++) {
    const scale = 10 ** (exponent - 6)
    const count = 2 ** (exponent + (signed ? 0 : 1))
    for (let i = 0; i < count; i++) {
      // The middle between two of count + 1 numbers from 0.1 to 1.
      const middle = scale * (0.1 + (0.9 * (i + 0.5)) / count)
      numbers.push(middle)
      if (signed) numbers.push(-middle)
    }
  }
  return Float32Array.from(numbers).sort()
}

/** Values that share one scale. */
export const BLOCK_SIZE = 256

/** Places from -1 to 1 at which the byte of a number is looked up. */
const PLACES = 65_536

/** Quantises numbers of -1 to 1 to a near number of a map. */
export interface Quantiser {
  readonly map: Float32Array
  /** The byte of a number. */
  byteOf(value: number): number
}

/**
 * A quantiser of a map, which has 256 rising numbers. A number is rounded to the nearest of 65,536 places, and has the
 * byte whose number is nearest to that place.
 *
 * Source: `quantize_cpu` of bitsandbytes 0.50. Its kernels for CUDA take the nearest number without the places, so that
 * numbers smaller than 1e-4 can differ by some bytes.
 */
export function createQuantiser(map: Float32Array): Quantiser {
  const bytes = new Uint8Array(PLACES)
  let byte = 0
  for (let place = 0; place < PLACES; place++) {
    const value = Math.fround(-1 + (2 * place) / (PLACES - 1))
    while (byte < 255 && Math.fround(((map[byte] as number) + (map[byte + 1] as number)) / 2) < value) byte += 1
    bytes[place] = byte
  }
  return { map, byteOf: (value) => bytes[Math.floor((value + 1) * 0.5 * (PLACES - 1) + 0.5)] as number }
}

/** Quantisers that were made, by whether their numbers have a sign. */
const made = new Map<boolean, Quantiser>()

/** The quantiser of the dynamic map: with a sign for means, without one for mean squares. */
export function dynamicQuantiser(signed: boolean): Quantiser {
  const quantiser = made.get(signed) ?? createQuantiser(dynamicMap(signed))
  made.set(signed, quantiser)
  return quantiser
}
