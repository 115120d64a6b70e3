/** A number of things in words: "1 pair", "16 pairs", "2,000 steps". */
export function counted(count: number, what: string): string {
  return `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`
}
