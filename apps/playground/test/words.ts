import { english } from "../src/language/english/index.ts"
import { type Sentence, textOf } from "../src/language/sentence.ts"

/** Sentences in English, one text each. */
export function inEnglish(said: readonly Sentence[]): readonly string[] {
  return said.map((one) => textOf(one, english))
}

/** A sentence in English. Null stays null. */
export function englishOf<Said extends Sentence | null>(said: Said): Said extends null ? null : string
export function englishOf(said: Sentence | null): string | null {
  return said === null ? null : textOf(said, english)
}
