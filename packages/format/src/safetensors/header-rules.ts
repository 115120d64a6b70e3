import type { Dtype } from "./dtype.ts"
import { DTYPE_BITS } from "./dtype.ts"

/** The longest header the format allows. Source: huggingface/safetensors, `MAX_HEADER_SIZE`. */
export const MAX_HEADER_BYTES = 100_000_000

/** The most dimensions of a tensor. NumPy and PyTorch also allow at most 64. */
export const MAX_RANK = 64

/** Bytes before the header: its length, as a little-endian u64. */
export const HEADER_LENGTH_BYTES = 8

/** The one header entry that is not a tensor. */
export const METADATA_KEY = "__metadata__"

/**
 * The longest single entry (a tensor with its name, or a pair of metadata) that is read. Together with
 * {@link MAX_INDEX_BYTES} it keeps the cost of every header below 64 MiB.
 */
export const MAX_ENTRY_BYTES = 16 * 2 ** 20

/**
 * The most bytes to keep of a header: a packed name, dtype, shape and place for each tensor, and the metadata as UTF-8.
 * An entry takes less than 1.5 times the bytes that it has in the header. So headers below 25,000,000 bytes stay far
 * below the limit; huggingface.js and the Hub's pages read no longer header. A header of 100,000,000 bytes with as many
 * tensors as fit, 1.8 million, stays below it, too. Only tens of megabytes of names or metadata reach it.
 */
export const MAX_INDEX_BYTES = 40 * 2 ** 20

/**
 * Bytes that a tensor takes, or null when its shape has no whole number of bytes or more bits than 2^53 - 1, which no
 * file has. Products are checked at every step, as upstream does, so that a zero at the end cannot hide an overflow
 * before it.
 */
export function tensorBytes(dtype: Dtype, shape: readonly number[]): number | null {
  let bits: number = DTYPE_BITS[dtype]
  for (const size of shape) {
    bits *= size
    if (!Number.isSafeInteger(bits)) return null
  }
  return bits % 8 === 0 ? bits / 8 : null
}
