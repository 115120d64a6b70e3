import type { Site, UnetLayout } from "@lllite/format"
import { DEFAULT_SELECTION, findSelection, NAMED_SELECTIONS, type SiteSelection } from "@lllite/format/selections"

/** The name of the selection with exactly these sites, or null. @param preferred see `findSelection` */
export function selectionName(sites: Iterable<Site>, layout: UnetLayout, preferred?: string): string | null {
  const selection = findSelection(sites, layout, preferred)
  if (selection === null) return null
  const same = (a: SiteSelection): boolean =>
    (Object.keys(DEFAULT_SELECTION) as (keyof SiteSelection)[]).every(
      (key) => key === "maxTransformerBlock" || a[key] === selection[key],
    )
  const name = Object.entries(NAMED_SELECTIONS).find(([, named]) => same(named))?.[0] ?? "unnamed"
  const limit = selection.maxTransformerBlock
  return limit === null ? name : `${name}, transformer blocks up to ${limit}`
}

/** Sites in words for a file's metadata. Null: those that every program expects. */
export function sitesText(sites: readonly Site[], layout: UnetLayout): string | null {
  const name = selectionName(sites, layout)
  if (name !== null) return name === "default" ? null : name
  return `${sites.length} sites in ${[...new Set(sites.map(({ block }) => block))].join(", ")}`
}
