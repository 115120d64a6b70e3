import type { GreyImage, RgbImage } from "@lllite/core/image"
import { InputError } from "../errors.ts"
import { GLYPH_ADVANCE, GLYPH_HEIGHT, GLYPH_WIDTH, hasDot } from "./bitmap-font.ts"

export type Colour = readonly [red: number, green: number, blue: number]

/** More pixels than this, 1.6 GB of RGB, are a mistake. */
const MOST_PIXELS = 2 ** 29

/** A picture of one colour, for drawing. @throws InputError for sides that no picture has */
export function blankImage(width: number, height: number, [red, green, blue]: Colour): RgbImage {
  const isSide = (side: number): boolean => Number.isSafeInteger(side) && side >= 1
  if (!isSide(width) || !isSide(height) || width * height > MOST_PIXELS) {
    throw new InputError(
      "picture-size",
      `blank picture: ${width}×${height} px, expected whole numbers of at least 1, and at most ${MOST_PIXELS} pixels`,
    )
  }
  const data = new Uint8Array(width * height * 3)
  for (let i = 0; i < data.length; i += 3) data.set([red, green, blue], i)
  return { width, height, data }
}

/** Copies a picture onto another one. Pixels beyond the border are cut off. */
export function drawImage(onto: RgbImage, image: RgbImage, left: number, top: number): void {
  const width = Math.min(image.width, onto.width - left)
  const height = Math.min(image.height, onto.height - top)
  for (let row = 0; row < height; row++) {
    const from = row * image.width * 3
    onto.data.set(image.data.subarray(from, from + width * 3), ((top + row) * onto.width + left) * 3)
  }
}

/** Writes one line of text in the built-in letters, each dot `scale` pixels wide. */
export function drawText(
  onto: RgbImage,
  text: string,
  at: { readonly left: number; readonly top: number; readonly scale: number; readonly colour: Colour },
): void {
  for (const [index, character] of [...text].entries()) {
    for (let y = 0; y < GLYPH_HEIGHT * at.scale; y++) {
      for (let x = 0; x < GLYPH_WIDTH * at.scale; x++) {
        if (!hasDot(character, Math.floor(x / at.scale), Math.floor(y / at.scale))) continue
        const [column, row] = [at.left + index * GLYPH_ADVANCE * at.scale + x, at.top + y]
        if (column < onto.width && row < onto.height) onto.data.set(at.colour, (row * onto.width + column) * 3)
      }
    }
  }
}

/** How many letters of a scale fit into a width in pixels. */
export function lettersWithin(width: number, scale: number): number {
  return Math.floor((width + scale) / (GLYPH_ADVANCE * scale))
}

/** A picture with an edge map of the same size drawn over it in one colour. */
export function overlayEdges(image: RgbImage, edges: GreyImage, colour: Colour): RgbImage {
  const data = image.data.slice()
  for (let i = 0; i < edges.data.length; i++) if (edges.data[i] !== 0) data.set(colour, 3 * i)
  return { width: image.width, height: image.height, data }
}
