import { FormatError } from "../errors.ts"
import { llliteOf } from "../lllite/read.ts"
import { siteTensorKey, siteTensorShapes } from "../lllite/tensors.ts"
import type { TensorInfo } from "../safetensors/header-contents.ts"
import type { SafetensorsFile } from "../safetensors/read.ts"

/** Metadata that a plain LLLite does not have. The names of all but the first are those of LLLites for Anima. */
export const FORM_KEYS = [
  "lllite.shared_trunk",
  "lllite.cond_in_channels",
  "lllite.inpaint_masked_input",
  "lllite.cond_input_space",
]

/**
 * The tensors of an LLLite by their names in a plain LLLite, in which every site has its own conditioner. A shared trunk
 * stands at every site of its depth. The plain LLLite computes exactly the same, and every program reads it. Tensors
 * that are not an adapter's are left out.
 *
 * @throws FormatError `wrong-kind`, `site-*`; `write-input` for an LLLite that reads a hole or latents: a plain one reads
 * pixels alone
 */
export function plainTensors(file: SafetensorsFile): ReadonlyMap<string, TensorInfo> {
  const { sites } = llliteOf(file)
  const inpaints = sites.find(({ condChannels }) => condChannels === 4)
  if (inpaints !== undefined) {
    const what = "the LLLite reads the hole of a picture as a fourth channel, which a plain one cannot"
    const place = { source: file.label, tensor: siteTensorKey(inpaints, "conditioning1.0.weight") }
    throw new FormatError("write-input", `${what}. Train one with three channels for other programs.`, place)
  }
  const ofLatents = sites.find(({ condInput }) => condInput === "latent")
  if (ofLatents !== undefined) {
    const what = "the LLLite reads latents of its control, which the VAE makes, and a plain one reads pixels"
    const place = { source: file.label, tensor: siteTensorKey(ofLatents, "conditioning1.0.weight") }
    throw new FormatError("write-input", `${what}. Train one that reads pixels for other programs.`, place)
  }
  return new Map(
    sites.flatMap((site) =>
      [...siteTensorShapes(site, site).keys()].map((name) => [
        `${site.key}.${name}`,
        infoOf(file, siteTensorKey(site, name)),
      ]),
    ),
  )
}

function infoOf({ tensors, label }: SafetensorsFile, key: string): TensorInfo {
  const info = tensors.get(key)
  if (info === undefined)
    throw new FormatError("tensor-unknown", "the file has no such tensor", { source: label, tensor: key })
  return info
}
