/** A bracket that begins a list or an inline table. */
export interface OpenBracket {
  readonly bracket: "[" | "{"
  /** From 1. */
  readonly line: number
}

/** Comments, texts of all four kinds, brackets and ends of lines. A text that is not closed ends with its line. */
const PARTS = /#[^\n]*|"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"?|'[^'\n]*'?|[[\]{}\n]/g

/** The innermost bracket of TOML that is still open where a line begins. Null where there is none. */
export function openBracketBefore(text: string, line: number): OpenBracket | null {
  const open: OpenBracket[] = []
  let here = 1
  for (const [part] of text.matchAll(PARTS)) {
    if (part === "[" || part === "{") open.push({ bracket: part, line: here })
    else if (part === "]" || part === "}") open.pop()
    here += part.split("\n").length - 1
    if (here >= line) break
  }
  return open.at(-1) ?? null
}
