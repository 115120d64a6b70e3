import { sitesIn } from "../argument.ts"
import type { AdapterDims, SiteShape } from "../lllite/tensors.ts"
import { adapterParameterCount } from "../lllite/tensors.ts"

/**
 * Parameters of an LLLite with the same dims at every site. SDXL's 136 default sites with condDim 32 and mlpDim 64
 * have 22,969,600.
 *
 * @throws FormatError `dims`
 */
export function parameterCount(sites: Iterable<SiteShape>, dims: AdapterDims): number {
  return adapterParameterCount(sitesIn(sites).map(({ inDim, depth, conv }) => ({ inDim, depth, conv, ...dims })))
}
