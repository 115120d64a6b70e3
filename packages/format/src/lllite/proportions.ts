import type { UnetLayout } from "../networks/unet-layout.ts"
import type { Site } from "./site.ts"
import { siteTable } from "./site.ts"

/** How often each level's width is in a layer's input: [1, 0, 0] is the width of the first level. */
type Shares = readonly [number, number, number]

/** Larger than any share of a width in a layer's input. */
const BASE = 100

/**
 * The widths of the levels of a U-Net with other proportions than SDXL's, from the widths of its layers. Null: no widths
 * fit, or the widths are not multiples of the first.
 *
 * @param depths transformer blocks of a U-Net that has all these sites
 */
export function inferProportions(
  sites: readonly Site[],
  depths: Pick<UnetLayout, "transformerDepth" | "middleDepth">,
): Pick<UnetLayout, "modelChannels" | "channelMult"> | null {
  const table = siteTable({ ...depths, modelChannels: 1, channelMult: [1, BASE, BASE * BASE] }).byKey
  const rows = sites.map(({ key, inDim }) => ({ shares: sharesOf(table.get(key)?.inDim ?? 0), inDim }))
  const widths: [number, number, number] = [0, 0, 0]
  // Layers that read one level give its width. With it, those that read two give the other.
  for (let round = 0; round < widths.length; round++) {
    for (const { shares, inDim } of rows) {
      const open = shares.flatMap((share, level) => (share > 0 && widths[level] === 0 ? [level] : []))
      const [level, ...others] = open
      if (level === undefined || others.length > 0) continue
      widths[level] = (inDim - sumOf(shares, widths)) / (shares[level] as number)
    }
  }
  // A level that no layer reads has SDXL's proportion to the next one.
  const [first, second, third] = widths
  const middle = second > 0 ? second : first > 0 ? 2 * first : third / 2
  const low = first > 0 ? first : middle % 2 === 0 ? middle / 2 : middle
  const high = third > 0 ? third : 2 * middle
  const found: Shares = [low, middle, high]
  const fits = rows.every(({ shares, inDim }) => sumOf(shares, found) === inDim)
  const mult: Shares = [1, middle / low, high / low]
  if (!fits || ![low, ...mult].every((value) => Number.isInteger(value) && value > 0)) return null
  return { modelChannels: low, channelMult: mult }
}

function sharesOf(inDim: number): Shares {
  return [inDim % BASE, Math.floor(inDim / BASE) % BASE, Math.floor(inDim / (BASE * BASE))]
}

function sumOf(shares: Shares, widths: Shares): number {
  return shares.reduce((sum, share, level) => sum + share * (widths[level] as number), 0)
}
