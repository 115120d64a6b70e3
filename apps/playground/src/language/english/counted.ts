import { countedNotice } from "@lllite/core/names"
import { safeText } from "@lllite/format"

/** The most names that one sentence says. A folder may hold thousands. */
export const MOST_NAMES = 20

/** Texts as one: "a, b". */
export function listed(texts: readonly string[]): string {
  return texts.join(", ")
}

/** A number of things in words: "1 pair", "16 pairs", "2,000 steps". */
export function counted(count: number, what: string): string {
  return `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`
}

/** One sentence about things of one sort, with their number and the first name. @param names at least one */
export function about(
  names: readonly string[],
  what: string,
  sentence: (subject: string, isOne: boolean) => string,
): string {
  return countedNotice(names, what, sentence).join("")
}

/**
 * One sentence that names its things: `"a.zip", "b.doc" and "c.bin" are not used.` What is left out has to be found.
 *
 * @param names at least one
 */
export function naming(
  names: readonly string[],
  what: string,
  sentence: (subject: string, isOne: boolean) => string,
): string {
  const said = names.slice(0, MOST_NAMES).map((name) => `"${safeText(name)}"`)
  const more = names.length - said.length
  const all = more === 0 ? said : [...said, `${more.toLocaleString("en")} more ${what}`]
  return sentence(new Intl.ListFormat("en-GB").format(all), names.length === 1)
}
