import { notWorkflow } from "./graph.ts"

/** A string, a number, or a word that Python writes for a number that JSON does not have. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|-?Infinity|NaN/gs

/**
 * Parses the JSON of a workflow. Whole numbers above 2^53 - 1, such as seeds, become texts of digits. NaN and infinities,
 * which Python writes, become null.
 *
 * @throws CoreError if it is not JSON
 */
export function parseWorkflow(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, "").replaceAll(TOKENS, exact))
  } catch (error) {
    throw notWorkflow(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function exact(token: string): string {
  if (token.startsWith('"')) return token
  if (/[NI]/.test(token)) return "null"
  return /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token
}
