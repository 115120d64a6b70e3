import { checkArgument } from "../argument.ts"
import type { WeightedText } from "./weights.ts"

/** The factor of one pair of round brackets without a number. */
const BRACKET_WEIGHT = 1.1

/** Brackets deeper than this are text. A deeper recursion could fill the stack. */
const DEEPEST = 200

/** Stand for escaped brackets while brackets are read. */
const [CLOSE, OPEN] = ["\u0000\u0001", "\u0000\u0002"]

/**
 * A prompt as runs of text with weights, as ComfyUI reads it.
 *
 * - `(x)` multiplies the weight of x by 1.1.
 * - `(x:1.3)` sets it to 1.3, whatever brackets stand around it.
 * - A backslash before a round bracket makes it a letter. Square brackets and `BREAK` are text.
 *
 * A short run is not cut at the end of a chunk.
 *
 * Source: ComfyUI a125cd8, `comfy/sd1_clip.py`, `token_weights`.
 */
export function parseComfyUiWeights(prompt: string): readonly WeightedText[] {
  checkArgument("prompt: the prompt", prompt, "text")
  const escaped = prompt.replaceAll("\\)", CLOSE).replaceAll("\\(", OPEN)
  return weighted(escaped, 1, 0).map(([text, weight]) => ({
    ...{ text: text.replaceAll(CLOSE, ")").replaceAll(OPEN, "("), weight, isBreak: false, isWhole: true },
  }))
}

/**
 * A prompt as `parseComfyUiWeights` reads it, where the word `BREAK` stands between two texts. The next one begins in
 * the next chunk, as ComfyUI's node Conditioning (Concat) joins them.
 */
export function parseJoinedComfyUiWeights(prompt: string): readonly WeightedText[] {
  return splitBreaks(prompt).flatMap((text, i) => [
    ...(i === 0 ? [] : [{ text: "BREAK", weight: 1, isBreak: true }]),
    ...parseComfyUiWeights(text),
  ])
}

/** The texts between the words `BREAK` of a prompt. A prompt without one is one text, as it stands. */
export function splitBreaks(prompt: string): readonly string[] {
  const texts = prompt.split(/(?:^|(?<=\s))BREAK(?=\s|$)/)
  return texts.length === 1 ? texts : texts.map((text) => text.trim())
}

function weighted(text: string, weight: number, depth: number): readonly (readonly [text: string, weight: number])[] {
  return bracketed(text).flatMap((part): readonly (readonly [string, number])[] => {
    if (depth >= DEEPEST || part.length < 2 || !part.startsWith("(") || !part.endsWith(")")) return [[part, weight]]
    const inner = part.slice(1, -1)
    const colon = inner.lastIndexOf(":")
    const number = inner.slice(colon + 1)
    return colon > 0 && /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(number)
      ? weighted(inner.slice(0, colon), Number(number), depth + 1)
      : weighted(inner, weight * BRACKET_WEIGHT, depth + 1)
  })
}

/** The parts of a text that stand in outer brackets, and those between them. */
function bracketed(text: string): readonly string[] {
  const parts: string[] = []
  let [start, level] = [0, 0]
  const cut = (end: number): void => {
    if (end > start) parts.push(text.slice(start, end))
    start = end
  }
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "(") {
      if (level === 0) cut(i)
      level += 1
    } else if (text[i] === ")") {
      level -= 1
      if (level === 0) cut(i + 1)
    }
  }
  cut(text.length)
  return parts
}
