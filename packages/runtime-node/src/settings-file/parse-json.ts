import { jsonMistake } from "@lllite/core/names"
import { InputError } from "../errors.ts"

/** Whether a text of settings is JSON. TOML cannot begin in this way. */
export function looksLikeJson(text: string): boolean {
  return /^\s*(\{|\[\s*[{\]])/.test(text)
}

/**
 * Parses JSON.
 *
 * @param label names the file in errors
 * @throws InputError with the line, the column, the reason and the way out
 */
export function parseJson(text: string, label: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new InputError("config-syntax", `"${label}" is not valid JSON, ${jsonMistake(text)}`, { cause })
  }
}
