import type { Site } from "../lllite/site.ts"

/** How two sets of sites differ. */
export interface SiteDifference {
  /** Expected, but not there. */
  readonly missing: readonly Site[]
  /** There, but not expected. */
  readonly extra: readonly Site[]
}

/** Which sites two sets lack of each other, by key. */
export function compareSites(found: Iterable<Site>, expected: Iterable<Site>): SiteDifference {
  const foundByKey = new Map([...found].map((site) => [site.key, site]))
  const expectedByKey = new Map([...expected].map((site) => [site.key, site]))
  return {
    missing: [...expectedByKey.values()].filter((site) => !foundByKey.has(site.key)),
    extra: [...foundByKey.values()].filter((site) => !expectedByKey.has(site.key)),
  }
}
