import { FormatError } from "../errors.ts"
import type { UnetLayout } from "../networks/unet-layout.ts"
import { SDXL_LAYOUT } from "../networks/unet-layout.ts"
import { inferProportions } from "./proportions.ts"
import type { Site, SiteTable } from "./site.ts"
import { siteTable } from "./site.ts"

/**
 * The table for the lookup of file keys. It has every site of every U-Net of SDXL's proportions, with transformers up
 * to SDXL's deepest, and every site of `layout`. A key depends on the place of a site and not on its width. So one
 * table is enough.
 */
export function keyTable(layout: UnetLayout = SDXL_LAYOUT): SiteTable {
  const deepest = Math.max(SDXL_LAYOUT.middleDepth, layout.middleDepth, ...layout.transformerDepth)
  return siteTable({ ...layout, transformerDepth: [deepest, deepest, deepest], middleDepth: deepest })
}

/**
 * The U-Net of a file's sites. It is SDXL if all sites are SDXL's, in its widths. Otherwise it is the smallest U-Net
 * that has the sites, with SDXL's proportions if they fit.
 *
 * @param table every possible site, in SDXL's widths
 * @throws FormatError `site-width` when no widths of the levels fit all sites
 */
export function inferLayout(sites: readonly Site[], label: string, table = keyTable().byKey): UnetLayout {
  const depths = depthsOf(sites)
  const { modelChannels, odd } = widthsAsSdxl(sites, table)
  if (odd !== null) {
    const proportions = inferProportions(sites, depths)
    if (proportions !== null) return { ...proportions, ...depths }
    throw new FormatError("site-width", odd.message, { source: label, tensor: `${odd.site.key}.down.0.weight` })
  }
  const { transformerDepth, middleDepth } = depths
  const isForSdxl =
    modelChannels === SDXL_LAYOUT.modelChannels &&
    middleDepth <= SDXL_LAYOUT.middleDepth &&
    SDXL_LAYOUT.transformerDepth.every((depth, level) => (transformerDepth[level] ?? 0) <= depth)
  if (isForSdxl) return SDXL_LAYOUT
  return { modelChannels, channelMult: SDXL_LAYOUT.channelMult, ...depths }
}

/** The fewest transformer blocks with which a U-Net has the sites. */
function depthsOf(sites: readonly Site[]): Pick<UnetLayout, "transformerDepth" | "middleDepth"> {
  const transformerDepth: [number, number, number] = [0, 0, 0]
  let middleDepth = 0
  for (const site of sites) {
    const depth = site.index === null ? (site.conv ? 0 : 1) : site.index + 1
    if (site.section === "middle") middleDepth = Math.max(middleDepth, depth)
    else {
      const level = levelOf(site)
      transformerDepth[level] = Math.max(transformerDepth[level], depth)
    }
  }
  return { transformerDepth, middleDepth }
}

/** The width of a U-Net with SDXL's proportions, or the first site that has another one. */
function widthsAsSdxl(
  sites: readonly Site[],
  table: SiteTable["byKey"],
): { readonly modelChannels: number; readonly odd: { readonly site: Site; readonly message: string } | null } {
  let modelChannels: number | undefined
  for (const site of sites) {
    const wide = (table.get(site.key)?.inDim ?? 0) / SDXL_LAYOUT.modelChannels
    const channels = site.inDim / wide
    modelChannels ??= channels
    if (channels === modelChannels && Number.isInteger(channels)) continue
    const [first = site] = sites
    const what = `takes ${site.inDim} channels; a U-Net in which ${first.path} takes ${first.inDim} has`
    const message = `${site.path} ${what} ${modelChannels * wide} there. Was the file edited?`
    return { modelChannels, odd: { site, message } }
  }
  return { modelChannels: modelChannels ?? 0, odd: null }
}

/**
 * Checks that a file's sites fit a U-Net.
 *
 * @throws FormatError `site-unknown`, `site-width`
 */
export function checkSitesFit(sites: readonly Site[], layout: UnetLayout, label: string): void {
  const table = siteTable(layout).byKey
  for (const site of sites) {
    const host = table.get(site.key)
    const place = { source: label, tensor: `${site.key}.down.0.weight` }
    if (host === undefined) {
      const other = siteTable(SDXL_LAYOUT).byKey.has(site.key)
        ? "The file is for a deeper one."
        : "The file is for another base model."
      throw new FormatError("site-unknown", `the U-Net has no ${site.path}. ${other}`, place)
    }
    if (host.inDim !== site.inDim) {
      const message = `${site.path} takes ${site.inDim} channels in the file and ${host.inDim} in the U-Net`
      throw new FormatError("site-width", `${message}. The file is for another U-Net.`, place)
    }
  }
}

function levelOf(site: Site): 0 | 1 | 2 {
  const third = Math.floor((site.section === "input" ? site.blockIndex - 1 : site.blockIndex) / 3)
  const level = site.section === "input" ? third : 2 - third
  return level as 0 | 1 | 2
}
