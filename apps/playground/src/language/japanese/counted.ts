import { safeText } from "@lllite/format"

/** One sentence about things of one sort, with their number and the first name. @param names at least one */
export function about(names: readonly string[], many: string, sentence: (subject: string) => string): string {
  const first = safeText(names[0] ?? "")
  if (names.length === 1) return sentence(`「${first}」`)
  return `${sentence(`${numberText(names.length)}${many}`)}最初は「${first}」です。`
}

/** A number with commas. */
export function numberText(value: number): string {
  return value.toLocaleString("ja")
}
