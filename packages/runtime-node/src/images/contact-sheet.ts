import type { RgbImage } from "@lllite/core/image"
import { InputError } from "../errors.ts"
import { GLYPH_HEIGHT } from "./bitmap-font.ts"
import type { Colour } from "./canvas.ts"
import { blankImage, drawImage, drawText, lettersWithin } from "./canvas.ts"

/** Pictures that belong together, all of one size, with a line of text under them. */
export interface SheetRow {
  readonly images: readonly RgbImage[]
  readonly caption: string
}

export interface SheetOptions {
  readonly title: string
  /** Names of the pictures of a row, in order. */
  readonly columns: readonly string[]
  readonly rows: readonly SheetRow[]
  /** How many rows stand side by side. Default: 1 */
  readonly across?: number
}

const PAPER: Colour = [250, 250, 248]
const INK: Colour = [34, 34, 38]
const FAINT: Colour = [110, 110, 118]
const MARGIN = 16
const GAP = 4
const GROUP_GAP = 20

/**
 * Composes a contact sheet: a title, the names of the columns, and the rows. Rows fill the sheet from left to right.
 *
 * @throws InputError when a row does not have one picture for each column, or when pictures differ in size
 */
export function contactSheet({ title, columns, rows, across = 1 }: SheetOptions): RgbImage {
  const [first] = rows[0]?.images ?? []
  if (first === undefined || columns.length === 0) {
    throw new InputError("contact-sheet", "contact sheet: it has no picture, expected one for each column of each row.")
  }
  for (const [index, { images }] of rows.entries()) {
    const odd = images.find((image) => image.width !== first.width || image.height !== first.height)
    if (images.length !== columns.length || odd !== undefined) {
      throw new InputError(
        "contact-sheet",
        `contact sheet: row ${index} has ${images.length} pictures${odd ? `, one of ${odd.width} x ${odd.height}` : ""}, ` +
          `expected ${columns.length} of ${first.width} x ${first.height}.`,
      )
    }
  }
  const groups = Math.min(across, rows.length)
  const groupWidth = columns.length * (first.width + GAP) - GAP
  const rowHeight = first.height + GAP + GLYPH_HEIGHT + 10
  const top = MARGIN + 2 * GLYPH_HEIGHT + 14 + GLYPH_HEIGHT + 6
  const sheet = blankImage(
    2 * MARGIN + groups * (groupWidth + GROUP_GAP) - GROUP_GAP,
    top + Math.ceil(rows.length / groups) * rowHeight + MARGIN - 10,
    PAPER,
  )
  drawText(sheet, title, { left: MARGIN, top: MARGIN, scale: 2, colour: INK })
  for (let group = 0; group < groups; group++) {
    for (const [column, name] of columns.entries()) {
      const left = MARGIN + group * (groupWidth + GROUP_GAP) + column * (first.width + GAP)
      const shown = name.slice(0, lettersWithin(first.width, 1))
      drawText(sheet, shown, { left, top: top - GLYPH_HEIGHT - 6, scale: 1, colour: FAINT })
    }
  }
  for (const [index, { images, caption }] of rows.entries()) {
    const left = MARGIN + (index % groups) * (groupWidth + GROUP_GAP)
    const y = top + Math.floor(index / groups) * rowHeight
    for (const [column, image] of images.entries()) drawImage(sheet, image, left + column * (first.width + GAP), y)
    const shown = caption.slice(0, lettersWithin(groupWidth, 1))
    drawText(sheet, shown, { left, top: y + first.height + GAP, scale: 1, colour: INK })
  }
  return sheet
}
