import { colourNames, shapeKinds } from "@lllite/tiny"
import { type Sentence, sentence } from "../language/sentence.ts"

/** Words of the captions that the tiny SDXL was trained on, in the order in which they are offered. */
export const KNOWN_WORDS: readonly string[] = ["small", ...colourNames, ...shapeKinds, "and"]
/** Words that are not offered, and that surprise no reader. */
const SILENT_WORDS: readonly string[] = ["a", "an"]
/** The longest list of words in a sentence. */
const MOST_NAMED = 3

/** A part of a prompt. */
export interface PromptPart {
  readonly text: string
  readonly isUnknown: boolean
}

/** Cuts a prompt into words that the tiny SDXL does not know, and everything between them. */
export function promptParts(prompt: string): readonly PromptPart[] {
  // Several pictures that a joiner binds are one sign, such as a family.
  const word = /[\p{L}\p{M}'’]+|\p{Extended_Pictographic}(?:\u{fe0f}?\u{200d}\p{Extended_Pictographic})*\u{fe0f}?/gu
  const parts: PromptPart[] = []
  let end = 0
  for (const { 0: text, index } of prompt.matchAll(word)) {
    if (isKnown(text)) continue
    if (index > end) parts.push({ text: prompt.slice(end, index), isUnknown: false })
    parts.push({ text, isUnknown: true })
    end = index + text.length
  }
  if (end < prompt.length) parts.push({ text: prompt.slice(end), isUnknown: false })
  return parts
}

function isKnown(word: string): boolean {
  const lower = word.toLowerCase()
  return KNOWN_WORDS.includes(lower) || SILENT_WORDS.includes(lower)
}

/** What is to be said of a prompt. Null: it has known words alone. */
export function promptHint(prompt: string): Sentence | null {
  if (prompt.trim() === "") return sentence("draw", "promptEmpty")
  const unknown = [...new Set(promptParts(prompt).flatMap(({ text, isUnknown }) => (isUnknown ? [text] : [])))]
  if (unknown.length === 0) return null
  const isForeign = unknown.some((word) => !/^[a-z'’]+$/i.test(word))
  const more = Math.max(0, unknown.length - MOST_NAMED)
  return sentence("draw", "unknownWords", unknown.slice(0, MOST_NAMED), more, isForeign)
}

/** The prompt with a word at its end. */
export function withWord(prompt: string, word: string): string {
  const before = prompt.trimEnd()
  return before === "" ? word : `${before} ${word}`
}
