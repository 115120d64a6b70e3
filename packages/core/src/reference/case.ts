/** A tensor of a reference file, in PyTorch's layout. */
export interface ReferenceTensor {
  readonly shape: readonly number[]
  readonly values: Float32Array
}

/** The tensors beside a reference's description: NAME.safetensors, however it was read. */
export interface ReferenceTensors {
  readonly names: readonly string[]
  /** @throws when there is no such tensor. */
  read(name: string): Promise<ReferenceTensor>
}

/** How one case came out: compared with the reference, or why it was not. */
export type CaseResult =
  | {
      readonly case: string
      /** max |ours - theirs| / max |theirs| */
      readonly maxRelError: number
      readonly tolerance: number
      readonly ok: boolean
    }
  | { readonly case: string; readonly skipped: string }

/** How far apart two right implementations in float32 may be after one pass. */
export const FORWARD_TOLERANCE = 1e-4

/** Compares values with the reference's. A missing value, or one that is not a number, is an infinite error. */
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
  return { case: name, maxRelError, tolerance, ok: maxRelError <= tolerance }
}

/** A case whose result has to be the same, value by value; the error is the share of values that differ. */
export function compareExactly(name: string, ours: ArrayLike<number>, theirs: ArrayLike<number>): CaseResult {
  const count = Math.max(ours.length, theirs.length)
  let wrong = 0
  for (let i = 0; i < count; i++) if (ours[i] !== theirs[i]) wrong += 1
  return { case: name, maxRelError: wrong / Math.max(count, 1), tolerance: 0, ok: wrong === 0 }
}
