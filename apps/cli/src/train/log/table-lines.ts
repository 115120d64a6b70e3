/** A row of a log: figures by name. Null where a figure is not known. */
export type LogRow = Readonly<Record<string, number | null>>

/** A row as a line of JSON, without its end. */
export function jsonLine(row: LogRow): string {
  return JSON.stringify(row)
}

/** A row as a line of CSV, by the names of its columns. An unknown figure is an empty cell. */
export function csvLine(row: LogRow, columns: readonly string[]): string {
  return columns.map((name) => row[name] ?? "").join(",")
}

/** Reads the rows of a file of JSON lines. A line that is cut, as after a kill, ends the list. */
export function parseJsonLines(text: string): readonly LogRow[] {
  const rows: LogRow[] = []
  for (const line of text.split("\n").slice(0, -1)) {
    const row = parseRow(line)
    if (row === null) break
    rows.push(row)
  }
  return rows
}

function parseRow(line: string): LogRow | null {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value !== "object" || value === null || Array.isArray(value)) return null
    const isRow = Object.values(value).every((figure) => figure === null || typeof figure === "number")
    return isRow ? (value as LogRow) : null
  } catch {
    return null
  }
}
