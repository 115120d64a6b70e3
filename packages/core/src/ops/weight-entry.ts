import type { Dtype } from "@lllite/format"

/** One named tensor of a checkpoint, not read yet. */
export interface WeightEntry {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  /** The tensor's bytes, row-major, little-endian. */
  read(): Promise<Uint8Array>
}
