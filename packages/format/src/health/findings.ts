import type { SiteHealth } from "./site-health.ts"

/** A problem with an LLLite's values. Codes are stable, and the advice is not. */
export type FindingCode =
  | "nan"
  | "infinity"
  | "untrained"
  | "dead-sites"
  | "no-control"
  | "half-overflow"
  | "half-activation"
  | "overpowering"

/** One problem, with all sites that have it. */
export interface Finding {
  readonly code: FindingCode
  /** An error makes the file unusable. A warning does not. */
  readonly severity: "error" | "warning"
  /** Keys of the sites. */
  readonly sites: readonly string[]
  /** The problem and what to do. */
  readonly advice: string
}

/** The largest number of half precision. */
const HALF_MAX = 65504
/** An adapter has no effect if it changes its host's input by less than float16's step at 1. */
const NOTHING = 2 ** -12
/** Below this share of the adapter's delta, the control disappears in rounding. */
const SAME = 1e-5

interface Check {
  readonly code: FindingCode
  readonly severity: Finding["severity"]
  readonly holds: (site: SiteHealth) => boolean
  readonly advice: (sites: readonly SiteHealth[], of: number) => string
}

const CHECKS: readonly Check[] = [
  {
    code: "nan",
    severity: "error",
    holds: ({ nanCount }) => nanCount > 0,
    advice: (sites) =>
      `${sum(sites, ({ nanCount }) => nanCount)} values at ${places(sites)} are NaN. Every picture turns black. Take an earlier save, or train again with a lower learning rate or in float32.`,
  },
  {
    code: "infinity",
    severity: "error",
    holds: ({ infinityCount }) => infinityCount > 0,
    advice: (sites) =>
      `${sum(sites, ({ infinityCount }) => infinityCount)} values at ${places(sites)} are infinite. Most likely they were too large for float16. Convert the original to BF16 or F32, or take an earlier save.`,
  },
  {
    code: "dead-sites",
    severity: "warning",
    holds: (site) => hasNumbersOnly(site) && site.strength < NOTHING,
    advice: (sites, of) =>
      `${sites.length} of ${of} sites add next to nothing. For a smaller and faster file, prune them. If they should act, train longer.`,
  },
  {
    code: "no-control",
    severity: "warning",
    holds: (site) => hasNumbersOnly(site) && site.strength >= NOTHING && site.controlStrength < SAME * site.strength,
    advice: (sites) =>
      `${places(sites)} ${sites.length === 1 ? "adds" : "add"} the same for every control picture. Train longer, and check that the controls belong to their pictures.`,
  },
  {
    code: "half-overflow",
    severity: "warning",
    holds: ({ largestValue }) => largestValue > HALF_MAX && Number.isFinite(largestValue),
    advice: (sites) =>
      `Values up to ${Math.max(...sites.map(({ largestValue }) => largestValue)).toPrecision(3)} at ${places(sites)} do not fit float16. Keep the file in F32 or BF16.`,
  },
  {
    code: "half-activation",
    severity: "warning",
    holds: (site) => hasNumbersOnly(site) && site.largestActivation > HALF_MAX,
    advice: (sites) =>
      `Numbers inside ${places(sites)} may exceed 65504, which float16 cannot hold. Run it in bfloat16 or float32.`,
  },
  {
    code: "overpowering",
    severity: "warning",
    holds: (site) => hasNumbersOnly(site) && site.strength > 1 && site.largestActivation <= HALF_MAX,
    advice: (sites) =>
      `${places(sites)} ${sites.length === 1 ? "adds" : "add"} more than the layer's own input has. If pictures look overdone, lower the strength, and train with a lower learning rate next time.`,
  },
]

/** Runs every check. An LLLite without any active site is one finding, and not two for every site. */
export function findProblems(sites: readonly SiteHealth[]): readonly Finding[] {
  if (sites.length > 0 && sites.every((site) => hasNumbersOnly(site) && site.isUpZero)) {
    const advice =
      "No site has learned anything. Every `up` is zero, as at the start of training. Take a later save, or train longer."
    return [{ code: "untrained", severity: "error", sites: keys(sites), advice }]
  }
  return CHECKS.flatMap(({ code, severity, holds, advice }) => {
    const found = sites.filter(holds)
    return found.length === 0 ? [] : [{ code, severity, sites: keys(found), advice: advice(found, sites.length) }]
  })
}

function hasNumbersOnly({ nanCount, infinityCount }: SiteHealth): boolean {
  return nanCount === 0 && infinityCount === 0
}

function keys(sites: readonly SiteHealth[]): string[] {
  return sites.map(({ site }) => site.key)
}

function sum(sites: readonly SiteHealth[], count: (site: SiteHealth) => number): number {
  return sites.reduce((total, site) => total + count(site), 0)
}

function places(sites: readonly SiteHealth[]): string {
  const [first] = sites
  return sites.length === 1 && first !== undefined ? first.site.path : `${sites.length} sites`
}
