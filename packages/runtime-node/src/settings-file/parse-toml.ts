import { parse, TomlError } from "smol-toml"
import { InputError } from "../errors.ts"
import { keyLines } from "./key-lines.ts"
import { syntaxAdvice } from "./syntax-advice.ts"

/** A parsed TOML text. */
export interface Toml {
  readonly table: Readonly<Record<string, unknown>>
  /** The line of a key or table, from 1, by its path: `seed`, `datasets[0].subsets[1].image_dir`. */
  readonly lineOf: (path: string) => number | undefined
}

/**
 * Parses TOML.
 *
 * @param label names the file in errors
 * @throws InputError with the line, the column, the reason and the way out
 */
export function parseToml(text: string, label: string): Toml {
  try {
    // Seeds have up to 64 bits.
    const table = parse(text, { integersAsBigInt: "asNeeded" })
    let lines: ReadonlyMap<string, number> | null = null
    return {
      table,
      // Only problems need lines, so they are counted on demand.
      lineOf: (path) => {
        lines ??= keyLines(text)
        return lines.get(path)
      },
    }
  } catch (cause) {
    throw new InputError("config-syntax", `"${label}" is not valid TOML${reasonOf(cause, text)}`, { cause })
  }
}

function reasonOf(cause: unknown, text: string): string {
  if (!(cause instanceof TomlError)) return `: ${cause instanceof Error ? cause.message : String(cause)}`
  const { message, line, column } = cause
  const reason = (message.split("\n")[0] ?? "").replace(/^Invalid TOML document: /, "").replace(/\.* aborting\.*$/, "")
  const advice = syntaxAdvice(text, line, reason)
  return `, line ${line}, column ${column}: ${reason}${advice === null ? "" : `. ${advice}`}`
}
