import type { LlliteFile, LlliteSite } from "../lllite/read.ts"
import { createSampler, deltaSize } from "../network/samples.ts"
import { readSiteNetwork } from "../network/site-network.ts"

/** How strongly an adapter acts. */
export interface SiteStrength {
  readonly site: LlliteSite
  /**
   * Root of the mean square of what it adds to a channel of its host's input, on samples as `resizeLllite` describes
   * them, whose own is 1. It says which sites can go rather than what they do to a picture.
   */
  readonly strength: number
}

/** The strength of every adapter of a file, in module order. @throws FormatError as the file's `tensor` */
export async function siteStrengths(file: LlliteFile): Promise<readonly SiteStrength[]> {
  const sampler = createSampler(0)
  const strengths: SiteStrength[] = []
  for (const site of file.sites) {
    const network = await readSiteNetwork(file, site)
    strengths.push({ site, strength: deltaSize(network, sampler(network.down, site.depth)) })
  }
  return strengths
}
