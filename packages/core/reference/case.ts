import type { SafetensorsFile } from "@lllite/format"

/** The opened tensors of a reference, NAME.safetensors. Layouts are PyTorch's. */
export type ReferenceTensors = Pick<SafetensorsFile, "tensors" | "read" | "readFloat32">

/** One tensor of a reference. */
export interface ReferenceTensor {
  readonly shape: readonly number[]
  readonly values: Float32Array
}

/** Reads a tensor. @throws FormatError when the file does not have it */
export async function readTensor(tensors: ReferenceTensors, name: string): Promise<ReferenceTensor> {
  return { values: await tensors.readFloat32(name), shape: tensors.tensors.get(name)?.shape ?? [] }
}

/** The result of one case: its error against the reference, or the reason why it was skipped. */
export type CaseResult =
  | {
      readonly case: string
      /** max |ours - theirs| / max |theirs| */
      readonly maxRelError: number
      readonly tolerance: number
      readonly ok: boolean
      /** √Σ of the squares of our values, and of theirs. Only where numbers are compared. */
      readonly norms?: readonly [ours: number, theirs: number]
    }
  | { readonly case: string; readonly skipped: string }

/** The largest relative difference of two correct float32 implementations after one pass. */
export const FORWARD_TOLERANCE = 1e-4

/** Compares values with the reference's. A missing value or a NaN is an infinite error. */
export function compare(
  name: string,
  ours: ArrayLike<number>,
  theirs: ArrayLike<number>,
  tolerance = FORWARD_TOLERANCE,
): CaseResult {
  let error = ours.length === theirs.length ? 0 : Number.POSITIVE_INFINITY
  let largest = 0
  for (let i = 0; i < theirs.length; i++) {
    const difference = Math.abs((ours[i] ?? Number.NaN) - (theirs[i] as number))
    error = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(error, difference)
    largest = Math.max(largest, Math.abs(theirs[i] as number))
  }
  const maxRelError = error === 0 ? 0 : error / largest
  return { case: name, maxRelError, tolerance, ok: maxRelError <= tolerance, norms: [normOf(ours), normOf(theirs)] }
}

/** A case whose values have to be equal. The error is the share of values that differ. */
export function compareExactly(name: string, ours: ArrayLike<number>, theirs: ArrayLike<number>): CaseResult {
  const count = Math.max(ours.length, theirs.length)
  let wrong = 0
  for (let i = 0; i < count; i++) if (ours[i] !== theirs[i]) wrong += 1
  return { case: name, maxRelError: wrong / Math.max(count, 1), tolerance: 0, ok: wrong === 0 }
}

/** A case about ids or texts, which are to be equal. */
export function compareAsJson(name: string, ours: unknown, theirs: unknown): CaseResult {
  const ok = JSON.stringify(ours) === JSON.stringify(theirs)
  return { case: name, maxRelError: ok ? 0 : 1, tolerance: 0, ok }
}

function normOf(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += (values[i] ?? 0) ** 2
  return Math.sqrt(sum)
}
