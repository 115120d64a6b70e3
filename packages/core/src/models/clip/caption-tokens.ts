import { checkArgument } from "../../argument.ts"
import { parseWeights } from "../../prompt/weights.ts"
import { checkTokenizer } from "../given.ts"
import { CHUNK_LENGTH, CONTEXT_LENGTH } from "./prompt.ts"
import type { Tokenizer } from "./tokenizer.ts"
import type { PromptToken } from "./weighted-prompt.ts"

/**
 * The tokens of a caption for training. With weights, `(word:1.2)` and its like are read as in prompts, by
 * `parseWeights`. `BREAK` is a word there.
 *
 * Source: sd-scripts `library/strategy_base.py`, `_get_weighted_input_ids`.
 */
export function captionTokens(tokenizer: Tokenizer, caption: string, isWeighted: boolean): readonly PromptToken[] {
  checkTokenizer("captions", tokenizer)
  checkArgument("captions: the caption", caption, "text")
  checkArgument("captions: whether weights are read", isWeighted, "true or false")
  if (!isWeighted) return tokenizer.encode(caption).map((id) => ({ id, weight: 1 }))
  return parseWeights(caption).flatMap(({ text, weight }) => tokenizer.encode(text).map((id) => ({ id, weight })))
}

/**
 * The weight of each place in a caption's chunks, of which each has a start and an end. Beside the tokens it is 1.
 * → [chunks · 77]
 */
export function captionWeights(tokens: readonly PromptToken[], chunks: number): Float32Array {
  const weights = new Float32Array(chunks * CONTEXT_LENGTH).fill(1)
  for (const [i, { weight }] of tokens.slice(0, chunks * CHUNK_LENGTH).entries()) {
    weights[Math.floor(i / CHUNK_LENGTH) * CONTEXT_LENGTH + 1 + (i % CHUNK_LENGTH)] = weight
  }
  return weights
}
