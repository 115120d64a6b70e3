import type { RgbImage } from "@lllite/core/image"
import { blankImage, type Colour, drawImage, drawText } from "@lllite/runtime-node"

/** Pictures in rows and columns, with labels. */
export interface GridSheet {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly string[]
  /** By row, then by column. They may differ in size. Null leaves a cell empty. */
  readonly images: readonly (readonly (RgbImage | null)[])[]
}

const PAPER: Colour = [250, 250, 248]
const INK: Colour = [34, 34, 38]
const FAINT: Colour = [110, 110, 118]
const MARGIN = 16
const GAP = 6
/** Pixels of a letter with the space beside it, and of a line, at scale 1. */
const LETTER = 6
const LINE = 10

/** Draws a sheet. Labels are large enough for the pictures, and wrap to their width. */
export function gridSheet({ title, columns, rows, images }: GridSheet): RgbImage {
  const all = images.flat().filter((image) => image !== null)
  const cell = {
    width: Math.max(1, ...all.map(({ width }) => width)),
    height: Math.max(1, ...all.map(({ height }) => height)),
  }
  const scale = cell.width >= 512 ? 3 : cell.width >= 192 ? 2 : 1
  const letters = Math.max(1, Math.floor(cell.width / (LETTER * scale)))
  const heads = columns.map((name) => wrapped(name, letters))
  const sides = rows.map((name) => wrapped(name, Math.max(letters, 14)))
  const sideWidth = Math.max(0, ...sides.flat().map((line) => line.length)) * LETTER * scale
  const left = MARGIN + (sideWidth === 0 ? 0 : sideWidth + 2 * GAP)
  const titleLines = wrapped(
    title,
    Math.max(20, Math.floor((left + columns.length * (cell.width + GAP)) / (LETTER * scale))),
  )
  const line = LINE * scale
  const headTop = MARGIN + titleLines.length * line + 2 * GAP
  const top = headTop + Math.max(...heads.map(({ length }) => length)) * line + GAP
  const titleWidth = Math.max(...titleLines.map(({ length }) => length)) * LETTER * scale
  const sheet = blankImage(
    Math.max(left + columns.length * (cell.width + GAP) - GAP, MARGIN + titleWidth) + MARGIN,
    top + rows.length * (cell.height + GAP) - GAP + MARGIN,
    PAPER,
  )
  const write = (
    lines: readonly string[],
    at: { readonly left: number; readonly top: number },
    colour: Colour,
  ): void => {
    for (const [i, text] of lines.entries())
      drawText(sheet, text, { left: at.left, top: at.top + i * line, scale, colour })
  }
  write(titleLines, { left: MARGIN, top: MARGIN }, INK)
  for (const [column, lines] of heads.entries()) {
    write(lines, { left: left + column * (cell.width + GAP), top: headTop }, FAINT)
  }
  for (const [row, lines] of sides.entries()) {
    const y = top + row * (cell.height + GAP)
    write(lines, { left: MARGIN, top: y + Math.max(0, Math.floor((cell.height - lines.length * line) / 2)) }, FAINT)
    for (const [column, image] of (images[row] ?? []).entries()) {
      if (image !== null) drawImage(sheet, image, left + column * (cell.width + GAP), y)
    }
  }
  return sheet
}

/** Lines of at most so many letters, broken after spaces and commas. Long words are cut. */
function wrapped(text: string, most: number): readonly string[] {
  const lines: string[] = []
  const pieces = text.split(/(?<=[ ,])/).flatMap((piece) => piece.match(new RegExp(`.{1,${most}}`, "gu")) ?? [])
  for (const piece of pieces) {
    const last = lines.at(-1)
    if (last !== undefined && (last + piece).trimEnd().length <= most) lines[lines.length - 1] = last + piece
    else lines.push(piece)
  }
  return lines.map((line) => line.trimEnd())
}
