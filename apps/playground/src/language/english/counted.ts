import { countedNotice } from "@lllite/core/names"

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
