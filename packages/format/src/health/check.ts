import { expectOpenLllite, expectOptions } from "../argument.ts"
import type { LlliteFile } from "../lllite/read.ts"
import type { SiteBlock } from "../lllite/site.ts"
import type { Finding } from "./findings.ts"
import { findProblems } from "./findings.ts"
import type { AdapterPart, SiteHealth } from "./site-health.ts"
import { measureSite } from "./site-health.ts"

/** The adapters of one block together. */
export interface BlockHealth {
  readonly block: SiteBlock
  readonly siteCount: number
  /** Euclidean norm over the block's adapters of each part. */
  readonly norms: Readonly<Record<AdapterPart, number>>
  /** Root mean square of its adapters' strength. */
  readonly strength: number
  readonly controlStrength: number
}

/** The health of an LLLite, from its values. */
export interface LlliteHealth {
  readonly sites: readonly SiteHealth[]
  /** In module order. */
  readonly blocks: readonly BlockHealth[]
  /** Empty if nothing is wrong. */
  readonly findings: readonly Finding[]
}

/**
 * Reads every value of an LLLite, one adapter at a time, and reports problems: NaN and infinities, sites without an
 * effect, numbers that float16 cannot hold.
 *
 * @throws FormatError as the file's `tensor`
 */
export async function checkLllite(file: LlliteFile, options: { signal?: AbortSignal } = {}): Promise<LlliteHealth> {
  expectOpenLllite(file)
  expectOptions(options, "signal")
  const sites: SiteHealth[] = []
  for (const site of file.sites) {
    options.signal?.throwIfAborted()
    sites.push(await measureSite(file, site))
  }
  const byBlock = new Map<SiteBlock, SiteHealth[]>()
  for (const health of sites) {
    const { block } = health.site
    byBlock.set(block, [...(byBlock.get(block) ?? []), health])
  }
  return {
    sites,
    blocks: [...byBlock].map(([block, members]) => summarise(block, members)),
    findings: findProblems(sites),
  }
}

function summarise(block: SiteBlock, members: readonly SiteHealth[]): BlockHealth {
  const norm = (part: AdapterPart): number => Math.hypot(...members.map(({ norms }) => norms[part]))
  const mean = (value: (site: SiteHealth) => number): number =>
    Math.hypot(...members.map(value)) / Math.sqrt(members.length)
  return {
    block,
    siteCount: members.length,
    norms: { conditioning1: norm("conditioning1"), down: norm("down"), mid: norm("mid"), up: norm("up") },
    strength: mean(({ strength }) => strength),
    controlStrength: mean(({ controlStrength }) => controlStrength),
  }
}
