import { expectOpenLllite } from "../argument.ts"
import type { LlliteFile } from "../lllite/read.ts"
import { SDXL_LAYOUT, sameLayout } from "../networks/unet-layout.ts"
import { compareSites } from "../selections/compare-sites.ts"
import { enumerateSites } from "../selections/selection.ts"

/**
 * The reason why sd-scripts would not load an LLLite, in a sentence, or null. It takes exactly the sites that it
 * trains, and one pair of widths for the whole file. ComfyUI takes any of SDXL's sites, and their widths may differ.
 * Source: sd-scripts `sdxl_gen_img.py`, `networks/control_net_lllite.py`, where the state is loaded strictly.
 */
export function sdScriptsProblem(file: Pick<LlliteFile, "sites" | "layout" | "dims" | "extraTensors">): string | null {
  expectOpenLllite(file)
  if (file.sites.some(({ condChannels }) => condChannels === 4)) return HAS_HOLE
  if (file.sites.some(({ condInput }) => condInput === "latent")) return HAS_LATENTS
  if (file.sites.some(({ sharedTrunk }) => sharedTrunk === true)) return HAS_TRUNK
  if (!sameLayout(file.layout, SDXL_LAYOUT)) return "it is for a U-Net of other widths or depths than SDXL's"
  const { missing, extra } = compareSites(file.sites, enumerateSites(SDXL_LAYOUT))
  if (missing.length > 0)
    return `${missing.length} of the 136 usual sites are missing, the first is ${missing[0]?.path}`
  if (extra.length > 0) return `it has ${extra.length} sites beyond the usual 136, the first is ${extra[0]?.path}`
  if (file.dims === null) return "its sites differ in width, and one pair of widths is taken for the whole file"
  if (file.extraTensors.length > 0) return `${file.extraTensors.length} of its tensors belong to no adapter`
  return null
}

const HAS_HOLE = "it reads the hole of a picture as a fourth channel, which no other program gives it"
const HAS_LATENTS = "it reads latents of its control, which no other program gives it"
const HAS_TRUNK = "its sites share a trunk, which no other program reads. lllite convert --plain writes a plain LLLite"
