import { checkArgument } from "../argument.ts"

/** A run of text that has one weight. `break` is the word `BREAK`: the next text begins in the next chunk. */
export interface WeightedText {
  readonly text: string
  readonly weight: number
  readonly isBreak: boolean
  /** Whether the run moves into the next chunk as a whole, if it is short. Default: false, it is cut. */
  readonly isWhole?: boolean
}

/** The factor of one pair of round brackets. Square brackets divide by it. */
const BRACKET_WEIGHT = 1.1

/** An escaped sign, `BREAK`, a bracket, the end of a weight, a run of other text, or a colon alone. */
const SIGNS = /\\[()[\]\\]?|BREAK|[([]|:([+-]?(?:\d+\.?\d*|\.\d+))\)|[)\]]|(?:(?!BREAK)[^\\()[\]:])+|:/g

/**
 * A prompt as runs of text with weights, in A1111's syntax, which sd-scripts shares.
 *
 * - `(x)` multiplies the weight of x by 1.1, and `[x]` divides it. Brackets may stand in brackets.
 * - `(x:1.3)` multiplies it by 1.3. The number may be signed.
 * - A backslash before a bracket or a backslash makes it a letter.
 * - A bracket without its partner ends with the text, or is a letter where none is open.
 *
 * Source: sd-scripts `gen_img.py`, `parse_prompt_attention`. A number that is none, such as `1.2.3`, is text here.
 * There it ends the program.
 */
export function parseWeights(prompt: string): readonly WeightedText[] {
  checkArgument("prompt: the prompt", prompt, "text")
  const runs: { text: string; weight: number; readonly isBreak: boolean }[] = []
  const round: number[] = []
  const square: number[] = []
  const multiply = (from: number, factor: number): void => {
    for (const run of runs.slice(from)) run.weight *= factor
  }
  const add = (text: string, isBreak = false): void => {
    runs.push({ text, weight: 1, isBreak })
  }
  for (const { 0: sign, 1: number } of prompt.matchAll(SIGNS)) {
    if (sign === "BREAK") add(sign, true)
    else if (sign.startsWith("\\")) add(sign.slice(1))
    else if (sign === "(") round.push(runs.length)
    else if (sign === "[") square.push(runs.length)
    else if (number !== undefined) {
      const from = round.pop()
      if (from === undefined) add(sign)
      else multiply(from, Number(number))
    } else if (sign === ")") {
      const from = round.pop()
      if (from === undefined) add(sign)
      else multiply(from, BRACKET_WEIGHT)
    } else if (sign === "]") {
      const from = square.pop()
      if (from === undefined) add(sign)
      else multiply(from, 1 / BRACKET_WEIGHT)
    } else add(sign)
  }
  for (const from of round) multiply(from, BRACKET_WEIGHT)
  for (const from of square) multiply(from, 1 / BRACKET_WEIGHT)
  return joined(runs)
}

/** Neighbours of one weight as one run. So words that touch stay one word for the tokenizer. */
function joined(runs: readonly WeightedText[]): readonly WeightedText[] {
  const result: WeightedText[] = []
  for (const run of runs) {
    const last = result.at(-1)
    if (last === undefined || last.isBreak || run.isBreak || last.weight !== run.weight) result.push(run)
    else result[result.length - 1] = { ...last, text: last.text + run.text }
  }
  return result
}
