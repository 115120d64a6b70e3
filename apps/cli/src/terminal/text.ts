/** A size in bytes for people: `43.8 MiB`. */
export function sizeText(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  return power === 0 ? `${bytes} bytes` : `${(bytes / 1024 ** power).toFixed(1)} ${units[power]}`
}

/** A whole number for people: `46,172,512`. Node's `toLocaleString` would load tables of every language. */
export function countText(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ",")
}

/** `1 site`, `136 sites`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`
}

/** A share for people: `12.3%`, `0.04%`, `1.2e-6%`. */
export function percentText(share: number): string {
  const percent = 100 * share
  if (percent === 0 || !Number.isFinite(percent)) return `${percent}%`
  return percent >= 0.01 ? `${percent.toFixed(percent >= 10 ? 1 : 2)}%` : `${percent.toExponential(1)}%`
}

/** Names in one line: up to three names, or the first two and a count. */
export function few(names: readonly string[]): string {
  return names.length <= 3 ? names.join(", ") : `${names.slice(0, 2).join(", ")}, …`
}

/** Lines of columns, each as wide as its widest cell; the last column is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) => row.map((cell, i) => (i < row.length - 1 ? cell.padEnd(widths[i] ?? 0) : cell)).join("  "))
    .join("\n")
}

/** Text from a file, safe for a terminal. Control characters are escaped, and long values are cut. */
export function printable(text: string): string {
  const limit = 400
  const cut = text.length > limit ? `${text.slice(0, limit)}… (${text.length} characters)` : text
  return cut.replaceAll(/\p{Cc}/gu, (character) =>
    JSON.stringify(character).slice(1, -1).replaceAll("\u007f", "\\u007f"),
  )
}
