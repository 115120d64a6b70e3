import { expectRgb, type RgbImage } from "../image.ts"
import { checkRanges, type NumberRange } from "../number-range.ts"

/** How many regions the colours of a map can name: the corners of the cube of colours. */
export const REGION_CODES = { min: 1, max: 8, integer: true } as const satisfies NumberRange

/** The regions of a map. */
export interface MappedRegions {
  /** One mask for each region, of the map's size. */
  readonly masks: readonly RgbImage[]
  /** The numbers of regions that the map does not have, from 1. Their masks are white. */
  readonly missing: readonly number[]
}

/**
 * The regions of a picture that is a map of them.
 *
 * @param codes Null: the first three regions are the brightness of red, green and blue. A number: so many regions are
 * pixels of one colour each, which are red, green, yellow, blue, magenta, cyan, white and black, at full brightness.
 *
 * Source: sd-scripts `gen_img.py` (`network_regional_mask_max_color_codes`).
 */
export function regionMasks(image: RgbImage, codes: number | null): MappedRegions {
  expectRgb(image)
  if (codes !== null) checkRanges("regions", { codes }, { codes: REGION_CODES })
  const { width, height, data } = image
  const missing: number[] = []
  const masks = Array.from({ length: codes ?? 3 }, (_, region): RgbImage => {
    const code = region + 1
    const colour = [code & 1, (code >> 1) & 1, (code >> 2) & 1].map((bit) => bit * 255)
    const mask = new Uint8Array(data.length)
    for (let i = 0; i < data.length; i += 3) {
      const isCode = colour.every((value, channel) => data[i + channel] === value)
      mask.fill(codes === null ? (data[i + region] as number) : isCode ? 255 : 0, i, i + 3)
    }
    if (mask.every((value) => value === 0)) {
      missing.push(code)
      mask.fill(255)
    }
    return { width, height, data: mask }
  })
  return { masks, missing }
}
