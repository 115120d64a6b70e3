import { safeText } from "@lllite/format"
import { MOST_NAMES } from "../english/counted.ts"

/** Texts as one: "a、b". */
export function listed(texts: readonly string[]): string {
  return texts.join("、")
}

/** One sentence about things of one sort, with their number and the first name. @param names at least one */
export function about(names: readonly string[], many: string, sentence: (subject: string) => string): string {
  const first = safeText(names[0] ?? "")
  if (names.length === 1) return sentence(`「${first}」`)
  return `${sentence(`${numberText(names.length)}${many}`)}最初は「${first}」です。`
}

/** One sentence that names its things: 「a.zip」「b.doc」ほか3個のファイル. @param names at least one */
export function naming(names: readonly string[], many: string, sentence: (subject: string) => string): string {
  const said = names.slice(0, MOST_NAMES).map((name) => `「${safeText(name)}」`)
  const more = names.length - said.length
  return sentence(`${said.join("")}${more === 0 ? "" : `ほか${numberText(more)}${many}`}`)
}

/** A number with commas. */
export function numberText(value: number): string {
  return value.toLocaleString("ja")
}
