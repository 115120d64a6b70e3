import { sitesIn } from "../argument.ts"
import type { Site } from "../lllite/site.ts"
import { siteTable } from "../lllite/site.ts"
import type { UnetLayout } from "../networks/unet-layout.ts"
import { NAMED_SELECTIONS } from "./named-selections.ts"
import type { SiteSelection } from "./selection.ts"
import { takesSite } from "./selection.ts"

/**
 * The selection with exactly these sites, or null. It tries the named selections, each with every limit on the
 * transformer block's index. Of several, it is the preferred one, or the first.
 *
 * @param preferred a name that the file gives. Small U-Nets have the same sites by several names
 * @throws FormatError `layout`
 */
export function findSelection(sites: Iterable<Site>, layout: UnetLayout, preferred?: string): SiteSelection | null {
  const all = siteTable(layout).sites
  const keys = new Set(sitesIn(sites).map((site) => site.key))
  const deepest = Math.max(layout.middleDepth, ...layout.transformerDepth)
  const limits = [null, ...Array.from({ length: Math.max(0, deepest - 1) }, (_, index) => index)]
  const own = Object.entries(NAMED_SELECTIONS).filter(([name]) => name === preferred)
  const selections = [...own.map(([, named]) => named), ...Object.values(NAMED_SELECTIONS)]
  for (const maxTransformerBlock of limits) {
    for (const named of selections) {
      const selection = maxTransformerBlock === null ? named : Object.freeze({ ...named, maxTransformerBlock })
      const taken = all.filter((site) => takesSite(selection, site))
      if (taken.length === keys.size && taken.every((site) => keys.has(site.key))) return selection
    }
  }
  return null
}
