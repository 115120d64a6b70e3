import type { CaseResult } from "./case.ts"

/** The largest differences of half precision from float32. Norms are relative to themselves. */
export interface HalfTolerance {
  /** Of outputs and losses, relative to the greatest value. */
  readonly output: number
  /** Of the norm of a site's gradients, and of its trained values. */
  readonly siteNorm: number
}

export const HALF_TOLERANCE: HalfTolerance = { output: 1e-2, siteNorm: 2e-2 }

/** A tensor of a site that trains: its gradient, or its values after some steps. */
const SITE_TENSOR = /^(.*\.(?:grad|firstGrad|after\d*)\/[^/.]+)\.[^ ]+( .*)?$/

/** Norms of gradients, which are outputs of a training step. */
const NORM = /\.(?:grad\.norm|gradNorms|after\.norms)\b/

/**
 * Results of a suite by what half precision allows. Each gradient is rounded on its own, and so is each update. So those of
 * a site are compared by their norm. A case that allows more in float32 keeps its tolerance.
 */
export function halfResults(
  results: readonly CaseResult[],
  { output, siteNorm }: HalfTolerance = HALF_TOLERANCE,
): readonly CaseResult[] {
  const sites = new Map<string, [ours: number, theirs: number]>()
  const others: CaseResult[] = []
  for (const result of results) {
    const [, site, label = ""] = SITE_TENSOR.exec(result.case) ?? []
    if (site === undefined || !("ok" in result) || result.norms === undefined) {
      others.push("ok" in result ? within(result, NORM.test(result.case) ? siteNorm : output) : result)
      continue
    }
    const name = `${site}${label}, norm`
    const [ours, theirs] = sites.get(name) ?? [0, 0]
    sites.set(name, [Math.hypot(ours, result.norms[0]), Math.hypot(theirs, result.norms[1])])
  }
  const norms = Array.from(sites, ([name, [ours, theirs]]): CaseResult => {
    const maxRelError = ours === theirs ? 0 : Math.abs(ours / theirs - 1)
    return { case: name, maxRelError, tolerance: siteNorm, ok: maxRelError <= siteNorm, norms: [ours, theirs] }
  })
  return [...others, ...norms]
}

function within(result: Extract<CaseResult, { readonly ok: boolean }>, least: number): CaseResult {
  // What has to be equal in float32 has to be equal here.
  const tolerance = result.tolerance === 0 ? 0 : Math.max(result.tolerance, least)
  return { ...result, tolerance, ok: result.maxRelError <= tolerance }
}
