import { expectArgument, expectOpenLllite } from "../argument.ts"
import { FormatError } from "../errors.ts"
import type { LlliteFile, LlliteSite } from "../lllite/read.ts"
import { siteTensorKey, siteTensorShapes } from "../lllite/tensors.ts"
import type { LazyTensorBytes } from "../write/safetensors.ts"
import type { SafetensorsContents } from "./contents.ts"
import { metadataOfChanged } from "./contents.ts"

/** Options of {@link pruneLllite}. */
export interface PruneOptions {
  /**
   * How an adapter is removed. `drop` leaves its tensors out of the file. ComfyUI reads such a file, and sd-scripts
   * refuses it. `zero` keeps the tensors with `up` all zero. The effect is the same, every program reads the file, and
   * the size stays. Default: `drop`.
   */
  readonly mode?: "drop" | "zero"
}

/**
 * Removes some adapters of an LLLite. Remaining tensors are copied byte for byte. Tensors that are not an adapter's are
 * left out.
 *
 * @param keeps whether an adapter stays
 * @throws FormatError `prune` when no adapter would stay, or all would
 */
export function pruneLllite(
  file: LlliteFile,
  keeps: (site: LlliteSite) => boolean,
  options: PruneOptions = {},
): SafetensorsContents {
  expectOpenLllite(file)
  expectArgument(typeof keeps === "function", "keeps", keeps, "a function")
  const { mode = "drop" } = options
  const { safetensors } = file
  const tensors = new Map<string, LazyTensorBytes>()
  let kept = 0
  for (const site of file.sites) {
    const stays = keeps(site)
    if (stays) kept++
    else if (mode === "drop") continue
    for (const [name, shape] of siteTensorShapes(site, site)) {
      const key = siteTensorKey(site, name)
      const info = safetensors.tensors.get(key)
      if (info === undefined) continue
      const isZeroed = !stays && name.startsWith("up.")
      const bytes = isZeroed ? () => new Uint8Array(info.end - info.start) : () => safetensors.read(key)
      tensors.set(key, { dtype: info.dtype, shape, bytes })
    }
  }
  const refuse = (what: string): FormatError => new FormatError("prune", what, { source: file.label })
  if (kept === 0) throw refuse("no adapter would stay. Keep at least one.")
  if (kept === file.sites.length) throw refuse("every adapter would stay. Name some that the file has.")
  return { tensors, metadata: metadataOfChanged(file.metadata) }
}
