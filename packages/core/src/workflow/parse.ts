import { checkArgument } from "../argument.ts"
import { jsonMistake } from "../json-mistake.ts"
import { notWorkflow } from "./graph.ts"

/** A string, a number, or a word that Python writes for a number that JSON does not have. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|-?Infinity|NaN/gs

/**
 * Parses the JSON of a workflow. Whole numbers above 2^53 - 1, such as seeds, become texts of digits. NaN and infinities,
 * which Python writes, become null.
 *
 * @throws CoreError if it is not JSON, with the place and the way out
 */
export function parseWorkflow(text: string): unknown {
  checkArgument("workflow: the text", text, "text")
  const plain = text.replace(/^\uFEFF/, "")
  try {
    return JSON.parse(plain.replaceAll(TOKENS, exact))
  } catch {
    // Words of Python's become numbers of the same length, so that the place is that in the file.
    const usual = plain.replaceAll(TOKENS, (token) => (/^-?[NI]/.test(token) ? "0".padEnd(token.length) : token))
    throw notWorkflow(`it is not JSON, ${jsonMistake(usual)}`)
  }
}

function exact(token: string): string {
  if (token.startsWith('"')) return token
  if (/[NI]/.test(token)) return "null"
  return /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token
}
