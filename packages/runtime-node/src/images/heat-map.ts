import type { RgbImage } from "@lllite/core/image"
import { InputError } from "../errors.ts"
import { GLYPH_ADVANCE, GLYPH_HEIGHT } from "./bitmap-font.ts"
import type { Colour } from "./canvas.ts"
import { blankImage, drawText } from "./canvas.ts"

/** A table of numbers as a picture. */
export interface HeatMap {
  readonly title: string
  /** Names of the rows, from top to bottom. */
  readonly rows: readonly string[]
  /** Names of the columns, from left to right. */
  readonly columns: readonly string[]
  /** The values by row, then by column. Null: nothing was measured there. */
  readonly values: readonly (readonly (number | null)[])[]
  /** The value of the brightest colour. Default: the largest value */
  readonly most?: number
}

const PAPER: Colour = [250, 250, 248]
const INK: Colour = [34, 34, 38]
const FAINT: Colour = [110, 110, 118]
const EMPTY: Colour = [226, 226, 222]
/** From nothing to the most: dark, violet, orange, yellow. */
const RAMP: readonly Colour[] = [
  [12, 8, 38],
  [86, 18, 108],
  [186, 54, 84],
  [248, 138, 34],
  [252, 252, 164],
]
const MARGIN = 16
const SCALE = 2
const CELL = { width: 44, height: 22 }
const GAP = 2
const BAR = 120

/** A colour between nothing, 0, and the most, 1. */
function heatColour(share: number): Colour {
  const at = Math.min(1, Math.max(0, share)) * (RAMP.length - 1)
  const below = Math.min(RAMP.length - 2, Math.floor(at))
  const [from, to] = [RAMP[below], RAMP[below + 1]] as readonly [Colour, Colour]
  const mix = (channel: 0 | 1 | 2): number => Math.round(from[channel] + (to[channel] - from[channel]) * (at - below))
  return [mix(0), mix(1), mix(2)]
}

function fill(onto: RgbImage, left: number, top: number, width: number, height: number, colour: Colour): void {
  for (let y = top; y < top + height; y++) {
    for (let x = left; x < left + width; x++) onto.data.set(colour, (y * onto.width + x) * 3)
  }
}

/**
 * Draws a heat map: a title, a scale, and a coloured cell with its number for each value. Equal tables give equal
 * pictures.
 *
 * @throws InputError when there is no value, or not one for each row and column
 */
export function heatMap({ title, rows, columns, values, most }: HeatMap): RgbImage {
  const isWhole = values.length === rows.length && values.every((row) => row.length === columns.length)
  if (rows.length === 0 || columns.length === 0 || !isWhole) {
    throw new InputError(
      "contact-sheet",
      `heat map: it has ${values.length} rows of ${values[0]?.length ?? 0} values, expected ${rows.length} of ${columns.length}, and at least one.`,
    )
  }
  const largest = values.flat().reduce<number>((top, value) => Math.max(top, value ?? 0), 0)
  const full = most ?? largest
  const letters = GLYPH_ADVANCE * SCALE
  const left = MARGIN + Math.max(...rows.map((name) => name.length)) * letters + 8
  const top = MARGIN + 3 * GLYPH_HEIGHT * SCALE + 34
  const width = Math.max(left + columns.length * (CELL.width + GAP), MARGIN + title.length * letters) + MARGIN
  const map = blankImage(width, top + rows.length * (CELL.height + GAP) + MARGIN, PAPER)
  const line = GLYPH_HEIGHT * SCALE
  drawText(map, title, { left: MARGIN, top: MARGIN, scale: SCALE, colour: INK })

  const bar = MARGIN + line + 10
  drawText(map, "0", { left: MARGIN, top: bar, scale: SCALE, colour: FAINT })
  for (let x = 0; x < BAR; x++) fill(map, MARGIN + letters + 4 + x, bar, 1, line, heatColour(x / (BAR - 1)))
  drawText(map, shortNumber(full), { left: MARGIN + letters + BAR + 10, top: bar, scale: SCALE, colour: FAINT })

  for (const [column, name] of columns.entries()) {
    const x = left + column * (CELL.width + GAP)
    drawText(map, name, { left: x + 4, top: top - line - 6, scale: SCALE, colour: FAINT })
  }
  for (const [row, name] of rows.entries()) {
    const y = top + row * (CELL.height + GAP)
    drawText(map, name, { left: MARGIN, top: y + Math.floor((CELL.height - line) / 2), scale: SCALE, colour: INK })
    for (const [column, value] of (values[row] ?? []).entries()) {
      const x = left + column * (CELL.width + GAP)
      const share = value === null || full === 0 ? 0 : value / full
      fill(map, x, y, CELL.width, CELL.height, value === null ? EMPTY : heatColour(share))
      if (value === null) continue
      const colour = share > 0.6 ? INK : PAPER
      drawText(map, shortNumber(value), {
        left: x + 4,
        top: y + Math.floor((CELL.height - GLYPH_HEIGHT) / 2),
        scale: 1,
        colour,
      })
    }
  }
  return map
}

/** A number in at most six letters. */
function shortNumber(value: number): string {
  if (value === 0) return "0"
  if (value >= 1000 || value < 0.0005) return value.toExponential(0)
  return value >= 10 ? value.toFixed(1) : value.toFixed(3)
}
