import { FormatError } from "../errors.ts"
import { llliteOf } from "../lllite/read.ts"
import { siteTensorKey, siteTensorShapes } from "../lllite/tensors.ts"
import type { TensorInfo } from "../safetensors/header-contents.ts"
import type { SafetensorsFile } from "../safetensors/read.ts"

/** Metadata that a plain LLLite does not have. */
export const FORM_KEYS = ["lllite.shared_trunk"]

/**
 * The tensors of an LLLite by their names in a plain LLLite, in which every site has its own conditioner. A shared trunk
 * stands at every site of its depth. The plain LLLite computes exactly the same, and every program reads it. Tensors
 * that are not an adapter's are left out.
 *
 * @throws FormatError `wrong-kind`, `site-*`
 */
export function plainTensors(file: SafetensorsFile): ReadonlyMap<string, TensorInfo> {
  const { sites } = llliteOf(file)
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
