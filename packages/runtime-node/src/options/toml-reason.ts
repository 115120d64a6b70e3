/** The TOML parser's reason for refusing a text: `, line 2: illegal character in key`. */
export function tomlReason(cause: unknown): string {
  const [first = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n")
  const reason = first.replace(/^Invalid TOML document: /, "")
  return cause instanceof Error && "line" in cause ? `, line ${String(cause.line)}: ${reason}` : `: ${reason}`
}
