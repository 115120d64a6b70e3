import { sitesIn } from "../argument.ts"
import type { Site } from "../lllite/site.ts"

/** How two sets of sites differ. */
export interface SiteDifference {
  /** Expected sites that are missing. */
  readonly missing: readonly Site[]
  /** Sites that are not expected. */
  readonly extra: readonly Site[]
}

/** Compares two sets of sites by key. */
export function compareSites(found: Iterable<Site>, expected: Iterable<Site>): SiteDifference {
  const foundByKey = new Map(sitesIn(found).map((site) => [site.key, site]))
  const expectedByKey = new Map(sitesIn(expected).map((site) => [site.key, site]))
  return {
    missing: [...expectedByKey.values()].filter((site) => !foundByKey.has(site.key)),
    extra: [...foundByKey.values()].filter((site) => !expectedByKey.has(site.key)),
  }
}
