import type { Dtype } from "@lllite/format"
import { checkArgument, checkGiven } from "../argument.ts"

/** One named tensor of a checkpoint. Its bytes are not read yet. */
export interface WeightEntry {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  /** The tensor's bytes, row-major, little-endian. */
  read(): Promise<Uint8Array>
  /**
   * Fills `target`, which has the tensor's size, with the bytes. A source that needs no new array for this offers it.
   */
  readInto?(target: Uint8Array): Promise<void>
}

/** Fills `target`, which has the tensor's size, with a tensor's bytes. */
export async function readEntryInto(entry: WeightEntry, target: Uint8Array): Promise<void> {
  checkGiven("weights: the entry", entry, "read", "the file of a checkpoint")
  checkArgument("weights: the target", target, "bytes")
  if (entry.readInto !== undefined) return entry.readInto(target)
  target.set(await entry.read())
}
