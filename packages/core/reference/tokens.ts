import type { Tokenizer } from "../src/models/clip/tokenizer.ts"
import { type CaseResult, compareExactly } from "./case.ts"

/** tokens.json */
export interface TokensReference {
  readonly vocabSize: number
  readonly start: number
  readonly end: number
  readonly rows: readonly { readonly text: string; readonly ids: readonly number[] }[]
}

/** Compares a tokenizer with the reference's ids, which have no start and no end. */
export function runTokens(reference: TokensReference, tokenizer: Tokenizer): readonly CaseResult[] {
  const { vocabSize, start, end } = reference
  return [
    compareExactly(
      "tokens/vocabulary",
      [tokenizer.vocabularySize, tokenizer.startId, tokenizer.endId],
      [vocabSize, start, end],
    ),
    ...reference.rows.map(({ text, ids }, row) =>
      compareExactly(`tokens/${row} ${JSON.stringify(text.slice(0, 40))}`, tokenizer.encode(text), ids),
    ),
  ]
}
