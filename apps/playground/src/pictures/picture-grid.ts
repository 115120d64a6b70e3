import type { RgbImage } from "@lllite/core/image"
import { PageError, sentence } from "../language/sentence.ts"

/** Pixels between two pictures of a grid, and round it. */
const GAP = 4

/** One picture of many: rows of pictures of one size, on white. What is null stays white. */
export function pictureGrid(rows: readonly (readonly (RgbImage | null)[])[]): RgbImage {
  const first = rows.flat().find((image) => image !== null)
  if (first == null) throw new PageError(sentence("draw", "gridEmpty"))
  const columns = Math.max(...rows.map(({ length }) => length))
  const width = GAP + columns * (first.width + GAP)
  const height = GAP + rows.length * (first.height + GAP)
  const data = new Uint8Array(3 * width * height).fill(255)
  for (const [row, images] of rows.entries()) {
    for (const [column, image] of images.entries()) {
      if (image === null) continue
      const left = GAP + column * (first.width + GAP)
      for (let y = 0; y < image.height; y++) {
        const top = GAP + row * (first.height + GAP) + y
        data.set(image.data.subarray(3 * y * image.width, 3 * (y + 1) * image.width), 3 * (top * width + left))
      }
    }
  }
  return { width, height, data }
}
