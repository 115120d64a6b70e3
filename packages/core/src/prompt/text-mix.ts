import type { PromptSyntax } from "./options.ts"
import { isComfyUiSyntax } from "./options.ts"

/** A text whose states are added to those of another. */
export interface MixedText {
  readonly text: string
  /** The factor on its states. */
  readonly weight: number
}

/** What the states of a text become: a sum. */
export interface TextMix {
  /** The factor on the text's own states. */
  readonly weight: number
  /** Texts whose states are added. */
  readonly others: readonly MixedText[]
}

/** More chunks are not read, so that a few long prompts do not fill the memory. */
const MOST_REPEATED = 64

/**
 * The number of chunks to which texts of other lengths are brought.
 *
 * ComfyUI's attention reads the tokens of one text alone. Repeated tokens do not change it, so in its syntaxes each text
 * is repeated to the least common multiple. Where that is above 64, and in other syntaxes, empty chunks fill up to the
 * longest text.
 *
 * Source: ComfyUI `comfy/conds.py`, `CONDCrossAttn`.
 */
export function sharedChunks(counts: readonly number[], syntax: PromptSyntax): number {
  const longest = Math.max(...counts)
  if (!isComfyUiSyntax(syntax)) return longest
  let shared = 1
  for (const count of counts) {
    shared = (shared * count) / greatestDivisor(shared, count)
    if (shared > MOST_REPEATED) return longest
  }
  return shared
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b)
}
