import { appendFileSync, existsSync, readFileSync } from "node:fs"

/**
 * The rows of a file of results from a byte on. A section that crashed may have left a part of a row, which is left out.
 *
 * @param {string} path a file that may be missing
 * @param {number} [from] bytes to leave out
 */
export function readRows(path, from = 0) {
  if (!existsSync(path)) return []
  const lines = readFileSync(path).subarray(from).toString().split("\n")
  return lines.flatMap((line) => {
    try {
      const row = JSON.parse(line)
      return typeof row === "object" && row !== null ? [row] : []
    } catch {
      return []
    }
  })
}

/**
 * Adds a row to a file of results. It begins a line, also after a part of a row.
 *
 * @param {string} path
 * @param {object} row
 */
export function appendRow(path, row) {
  const isCut = existsSync(path) && ![undefined, 0x0a].includes(readFileSync(path).at(-1))
  appendFileSync(path, `${isCut ? "\n" : ""}${JSON.stringify(row)}\n`)
}
