import { expectLayout } from "../argument.ts"
import { FormatError } from "../errors.ts"

/**
 * The numbers of an SDXL-like U-Net that determine its sites. It has three levels, with two residual blocks each on the
 * way down (`input_blocks.0` … `8`) and three on the way up (`output_blocks.0` … `8`).
 * Source: sd-scripts `library/sdxl_original_unet.py`.
 */
export interface UnetLayout {
  /** Width of the first level, 320 in SDXL. The other widths are multiples of it. */
  readonly modelChannels: number
  /** Width of each level in units of `modelChannels`. */
  readonly channelMult: readonly [number, number, number]
  /** Transformer blocks in each transformer of a level. 0 means that the level has no transformers. */
  readonly transformerDepth: readonly [number, number, number]
  /** Transformer blocks of the middle block's transformer. */
  readonly middleDepth: number
}

/** SDXL base: 320 channels, 2 transformer blocks at the second level, 10 at the third and in the middle. */
export const SDXL_LAYOUT: UnetLayout = Object.freeze({
  modelChannels: 320,
  channelMult: Object.freeze([1, 2, 4] as const),
  transformerDepth: Object.freeze([0, 2, 10] as const),
  middleDepth: 10,
})

/**
 * Checks that every number of a layout is a whole number in range.
 *
 * @throws FormatError `layout`
 */
export function checkLayout(layout: UnetLayout): void {
  const natural = (name: string, value: number, least: number): void => {
    if (Number.isInteger(value) && value >= least && value <= 65536) return
    throw new FormatError("layout", `U-Net layout: ${name} is ${value}, expected a whole number of at least ${least}`)
  }
  natural("modelChannels", layout.modelChannels, 1)
  for (const [level, mult] of layout.channelMult.entries()) natural(`channelMult[${level}]`, mult, 1)
  for (const [level, depth] of layout.transformerDepth.entries()) natural(`transformerDepth[${level}]`, depth, 0)
  natural("middleDepth", layout.middleDepth, 0)
}

/** Whether two layouts have the same numbers. */
export function sameLayout(a: UnetLayout, b: UnetLayout): boolean {
  expectLayout(a)
  expectLayout(b)
  return (
    a.modelChannels === b.modelChannels &&
    a.channelMult.every((mult, level) => mult === b.channelMult[level]) &&
    a.transformerDepth.every((depth, level) => depth === b.transformerDepth[level]) &&
    a.middleDepth === b.middleDepth
  )
}
