import type { Tokenizer } from "../src/models/clip/tokenizer.ts"
import { type CaseResult, compareExactly } from "./case.ts"

/** tokens.json */
export interface TokensReference {
  readonly vocabSize: number
  readonly start: number
  readonly end: number
  readonly rows: readonly {
    readonly text: string
    /** The ids without ftfy. */
    readonly ids: readonly number[]
    /** The ids with ftfy, of a tokenizer that reads special tokens as text. It is missing where both are equal. */
    readonly openClip?: readonly number[]
  }[]
}

/**
 * Compares a tokenizer with the reference's ids, which have no start and no end. sd-scripts' tokenizer has ftfy, and
 * reads special tokens.
 */
export function runTokens(reference: TokensReference, tokenizer: Tokenizer): readonly CaseResult[] {
  const { vocabSize, start, end } = reference
  return [
    compareExactly(
      "tokens/vocabulary",
      [tokenizer.vocabularySize, tokenizer.startId, tokenizer.endId],
      [vocabSize, start, end],
    ),
    ...reference.rows.map(({ text, ids, openClip = ids }, row) => {
      const wanted = text.includes("<|") ? ids : openClip
      return compareExactly(`tokens/${row} ${JSON.stringify(text.slice(0, 40))}`, tokenizer.encode(text), wanted)
    }),
  ]
}
