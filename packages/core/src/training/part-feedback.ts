import { checkArgument } from "../argument.ts"

/** What rounding has left out of a part of each step. */
export interface PartFeedback {
  /**
   * The lists for a batch: what was left out before it, and a list for what is left out of it. A batch that is computed
   * again finds what it found before.
   */
  at(batch: number, size: number): { readonly before: Float32Array | null; readonly after: Float32Array }
  /** What was left out before a batch of a later call of `at`, or null for nothing. */
  asOf(batch: number): Float32Array | null
}

/** @param start what is left out so far. Null: nothing */
export function createPartFeedback(start: Float32Array | null): PartFeedback {
  checkArgument("training: the feedback", start, "a list of numbers or null")
  let before: Float32Array | null = null
  let after = start
  let last = -1
  return {
    at(batch, size) {
      if (batch !== last) {
        const spare = before
        before = after
        // The start may belong to others.
        after = spare !== null && spare !== start && spare.length === size ? spare : new Float32Array(size)
        last = batch
      }
      after ??= new Float32Array(size)
      return { before, after }
    },
    asOf: (batch) => (last >= batch ? before : after),
  }
}
