import { DTYPE_BITS } from "@lllite/format"
import { CoreError } from "../errors.ts"
import type { WeightEntry } from "../ops/weight-entry.ts"
import { readEntryInto } from "../ops/weight-entry.ts"

/** Entries stacked by rows. Rows are contiguous in a file, so the bytes of the entries follow each other. */
export function stacked(entries: readonly WeightEntry[]): WeightEntry {
  const [first] = entries as [WeightEntry]
  const odd = entries.find(({ dtype }) => dtype !== first.dtype)
  if (odd !== undefined) {
    throw new CoreError(
      "checkpoint-dtype",
      `"${odd.name}" is ${odd.dtype} and "${first.name}" ${first.dtype}; expected one dtype for both`,
    )
  }
  const rows = entries.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0)
  const shape = [rows, ...first.shape.slice(1)]
  const readInto = async (target: Uint8Array): Promise<void> => {
    let row = 0
    for (const entry of entries) {
      const from = row
      row += entry.shape[0] ?? 0
      const edge = (at: number): number => (at / rows) * target.byteLength
      await readEntryInto(entry, target.subarray(edge(from), edge(row)))
    }
  }
  return {
    name: entries.map(({ name }) => name).join(" + "),
    dtype: first.dtype,
    shape,
    read: async () => {
      const bytes = new Uint8Array(shape.reduce((product, size) => product * size, DTYPE_BITS[first.dtype] / 8))
      await readInto(bytes)
      return bytes
    },
    readInto,
  }
}

/** A matrix with its rows as columns: [A, B] → [B, A]. */
export function transposed(entry: WeightEntry): WeightEntry {
  const [rows = 0, columns = 0] = entry.shape
  const { name, dtype } = entry
  return {
    name,
    dtype,
    shape: [columns, rows],
    read: async () => {
      const bytes = await entry.read()
      const size = bytes.byteLength / (rows * columns)
      const result = new Uint8Array(bytes.byteLength)
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const from = (row * columns + column) * size
          result.set(bytes.subarray(from, from + size), (column * rows + row) * size)
        }
      }
      return result
    },
  }
}

/** The same bytes in another shape of as many elements. */
export function reshaped(entry: WeightEntry, shape: readonly number[]): WeightEntry {
  return { ...entry, shape }
}
