import { expectOpenLllite } from "../argument.ts"
import type { LlliteFile, LlliteSite } from "../lllite/read.ts"
import { PICTURE_CHANNELS, sameDims, siteTensorShapes } from "../lllite/tensors.ts"
import type { Sampler } from "../network/samples.ts"
import { createSampler, deltaDistance, samplePair } from "../network/samples.ts"
import { readSiteNetwork } from "../network/site-network.ts"
import { compareSites } from "../selections/compare-sites.ts"

/** The distance of two adapters at one site. */
export interface SiteDistance {
  readonly site: LlliteSite
  /** Distance of the parameters. Null if the widths differ, because there are no pairs to compare. */
  readonly parameters: ParameterDistance | null
  /**
   * Distance of their deltas on samples, relative to the first: root of mean |b - a|² / mean |a|². Null without
   * the option for it, see {@link CompareOptions}, and where one reads a hole or latents, of which there are no samples.
   */
  readonly delta: number | null
}

/** Distance of two lists of numbers. */
export interface ParameterDistance {
  /** |b - a| / |a|, NaN where a value is not a number. Infinity where a is all zero and b is not. */
  readonly relative: number
  /** The largest single difference. */
  readonly largest: number
  /** Cosine of the angle between them. NaN if one is all zero. */
  readonly cosine: number
}

/** How two LLLites differ. */
export interface LlliteDifference {
  /** Sites of the first file that the second lacks. */
  readonly onlyFirst: readonly LlliteSite[]
  /** Sites of the second file that the first lacks. */
  readonly onlySecond: readonly LlliteSite[]
  /** Sites that both have, in module order. */
  readonly sites: readonly SiteDistance[]
  /** Metadata keys whose values differ, with both; undefined where a file has none. */
  readonly metadata: readonly {
    readonly key: string
    readonly first: string | undefined
    readonly second: string | undefined
  }[]
}

/** Options of {@link compareLllites}. */
export interface CompareOptions {
  /**
   * Whether to compare the adapters' deltas, too, on samples as for `resizeLllite`. Widths may then differ, and files
   * with the same neurons in another order are equal. It takes about a tenth of a second for each site.
   */
  readonly deltas?: boolean
}

/**
 * Compares two LLLites site by site, as float64. One site of each file is in memory at a time.
 *
 * @throws FormatError as the files' `tensor`
 */
export async function compareLllites(
  first: LlliteFile,
  second: LlliteFile,
  options: CompareOptions = {},
): Promise<LlliteDifference> {
  expectOpenLllite(first)
  expectOpenLllite(second)
  const { missing, extra } = compareSites(second.sites, first.sites)
  const missingKeys = new Set(missing.map(({ key }) => key))
  const added = new Set(extra.map(({ key }) => key))
  const secondByKey = new Map(second.sites.map((site) => [site.key, site]))
  const sampler = createSampler(0)
  const sites: SiteDistance[] = []
  for (const site of first.sites) {
    const other = secondByKey.get(site.key)
    if (other === undefined) continue
    const canPair = sameShapes(site, other)
    sites.push({
      site,
      parameters: canPair ? await parameterDistance(first, second, site) : null,
      delta:
        options.deltas === true && site.inDim === other.inDim && readsPicture(site) && readsPicture(other)
          ? await distanceOfDeltas(first, second, site, sampler)
          : null,
    })
  }
  const keys = new Set([...first.metadata.keys(), ...second.metadata.keys()])
  return {
    onlyFirst: first.sites.filter(({ key }) => missingKeys.has(key)),
    onlySecond: second.sites.filter(({ key }) => added.has(key)),
    sites,
    metadata: [...keys]
      .map((key) => ({ key, first: first.metadata.get(key), second: second.metadata.get(key) }))
      .filter((entry) => entry.first !== entry.second),
  }
}

async function distanceOfDeltas(
  first: LlliteFile,
  second: LlliteFile,
  site: LlliteSite,
  sampler: Sampler,
): Promise<number> {
  const [a, b] = [await readSiteNetwork(first, site), await readSiteNetwork(second, site)]
  const [ofA, ofB] = samplePair(a, b, site.depth, sampler)
  return deltaDistance(a, ofA, b, ofB)
}

function readsPicture({ condChannels = PICTURE_CHANNELS, condInput = "pixel" }: LlliteSite): boolean {
  return condChannels === PICTURE_CHANNELS && condInput === "pixel"
}

function sameShapes(a: LlliteSite, b: LlliteSite): boolean {
  return a.inDim === b.inDim && sameDims({ ...a, sharedTrunk: false }, { ...b, sharedTrunk: false })
}

async function parameterDistance(first: LlliteFile, second: LlliteFile, site: LlliteSite): Promise<ParameterDistance> {
  let [difference, largest, squaresA, squaresB, product] = [0, 0, 0, 0, 0]
  for (const name of siteTensorShapes(site, site).keys()) {
    const [a, b] = [await first.tensor(site, name), await second.tensor(site, name)]
    for (let i = 0; i < a.length; i++) {
      const [x, y] = [a[i] as number, b[i] as number]
      // The distance of two equal infinities is 0; NaN stays NaN.
      const gap = x === y ? 0 : Math.abs(y - x)
      difference += gap * gap
      largest = Math.max(largest, gap)
      squaresA += x * x
      squaresB += y * y
      product += x * y
    }
  }
  return {
    relative: difference === 0 ? 0 : Math.sqrt(difference / squaresA),
    largest,
    cosine: product / Math.sqrt(squaresA * squaresB),
  }
}
