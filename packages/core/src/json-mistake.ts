import { checkArgument } from "./argument.ts"

/**
 * Where a text stops being JSON, and what to do: `line 2, column 1: a comma before }. Remove the comma.`
 *
 * @param text a text that `JSON.parse` refuses
 */
export function jsonMistake(text: string): string {
  checkArgument("JSON", text, "text")
  const at = positionOf(text)
  const before = text.slice(0, at)
  const line = before.split("\n").length
  const column = before.length - before.lastIndexOf("\n")
  return `line ${line}, column ${column}: ${advice(before, text.slice(at))}`
}

/** The position of the first wrong character. The length of the text if it ends too early. */
function positionOf(text: string): number {
  const reason = reasonOf(text)
  const named = /position (\d+)/.exec(reason)?.[1]
  if (named !== undefined) return Number(named)
  if (!UNEXPECTED.test(reason)) return text.length
  // V8 does not say where an unexpected character is. The shortest beginning that has it ends with it.
  let [without, within] = [0, text.length]
  while (within - without > 1) {
    const middle = (without + within) >> 1
    if (UNEXPECTED.test(reasonOf(text.slice(0, middle)))) within = middle
    else without = middle
  }
  return without
}

const UNEXPECTED = /^Unexpected token/

function reasonOf(text: string): string {
  try {
    JSON.parse(text)
    return ""
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause)
  }
}

function advice(before: string, rest: string): string {
  const last = before.trimEnd().at(-1)
  const next = rest[0] ?? ""
  if (rest === "") return "the text ends too early. Is a bracket or a quote missing?"
  if (/[}\]]/.test(next) && last === ",") return `a comma before ${next}. Remove the comma.`
  if (/[TFN]/.test(next) || rest.startsWith("undefined")) return "an unknown word. Write true, false or null."
  if (/['“”‘’]/.test(next)) return 'another quote. Use straight double quotes: "…".'
  if (/[/#]/.test(next)) return "a comment. JSON has no comments. Remove it."
  if (last === "\\" || /\\.?$/.test(before)) return "a wrong escape. Write / or \\\\ for a backslash."
  if (next === '"' || next === "{" || next === "[") return `an unexpected ${next}. Is a comma missing before it?`
  if (/\p{Cc}/u.test(next)) return "a control character inside of a text. Write \\n for the end of a line."
  return `an unexpected ${JSON.stringify(next)}. Names and texts stand in double quotes.`
}
