import type { WeightEntry } from "@lllite/core/ops"
import { createStream } from "@lllite/core/random"

/* What the checks of a driver compare with float64. */

/** Normal values, rounded to quarters. They are float16, and float32 adds up their products without rounding. */
export function quarters(name: string, length: number): Float32Array {
  return createStream(1, name)
    .normal(length)
    .map((value) => Math.round(4 * value) / 4)
}

/** Values as a weight of a file. */
export function entryOf(values: Float32Array, shape: readonly number[]): WeightEntry {
  return {
    name: "weight",
    dtype: "F32",
    shape,
    read: async () => new Uint8Array(values.buffer.slice(0)) as Uint8Array<ArrayBuffer>,
  }
}

/** The greatest difference, in parts of the greatest expected value. */
export function apartFrom(got: Float32Array, expected: (i: number) => number): number {
  let [difference, greatest] = [0, 0]
  for (const [i, value] of got.entries()) {
    const right = expected(i)
    const apart = Math.abs(value - right)
    difference = Number.isNaN(apart) ? Number.POSITIVE_INFINITY : Math.max(difference, apart)
    greatest = Math.max(greatest, Math.abs(right))
  }
  return difference === 0 ? 0 : difference / greatest
}

/** Σ of a term for 0 … count − 1. */
export function sum(count: number, term: (k: number) => number): number {
  let total = 0
  for (let k = 0; k < count; k++) total += term(k)
  return total
}

export function at(values: Float32Array, i: number): number {
  return values[i] ?? Number.NaN
}
