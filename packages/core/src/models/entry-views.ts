import type { Dtype } from "@lllite/format"
import { DTYPE_BITS, toFloat32 } from "@lllite/format"
import { fromFloat32 } from "@lllite/format/write"
import type { WeightEntry } from "../ops/weight-entry.ts"
import { readEntryInto } from "../ops/weight-entry.ts"

/**
 * Entries stacked by rows. Rows are contiguous in a file, so the bytes of the entries follow each other. Entries of
 * several dtypes, such as a quantised layer beside others, get one dtype that holds the values of all.
 */
export function stacked(all: readonly WeightEntry[]): WeightEntry {
  const dtype = commonDtype(all.map(({ dtype }) => dtype))
  const entries = all.map((entry) => converted(entry, dtype))
  const [first] = entries as [WeightEntry]
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

/** A dtype that holds the values of all. Float16 holds those of both float8. */
function commonDtype(dtypes: readonly Dtype[]): Dtype {
  const [first = "F32"] = dtypes
  if (dtypes.every((dtype) => dtype === first)) return first
  return dtypes.every((dtype) => dtype === "F16" || dtype.startsWith("F8_")) ? "F16" : "F32"
}

/** @throws FormatError (from reading) when the values are not floats */
function converted(entry: WeightEntry, dtype: Dtype): WeightEntry {
  if (entry.dtype === dtype) return entry
  const { name, shape } = entry
  // Another dtype than the entry's own is one of the two that `commonDtype` chooses.
  const to = dtype === "F16" ? "F16" : "F32"
  return { name, dtype, shape, read: async () => fromFloat32(toFloat32(await entry.read(), entry.dtype), to) }
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
