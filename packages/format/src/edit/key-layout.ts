import { FormatError } from "../errors.ts"
import { keyTable } from "../lllite/fit.ts"
import { isSiteTensorName, splitTrunkKey } from "../lllite/tensors.ts"

/**
 * The naming of an LLLite's tensors. `file` is the form that every program reads:
 * `lllite_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.down.0.weight`. `training` is the reference's form in
 * memory during training. It is also the form in the model of an `accelerate` state, among the U-Net's weights:
 * `input_blocks.4.1.transformer_blocks.0.attn1.to_q.lllite_down.0.weight`.
 * Source: sd-scripts `networks/control_net_lllite_for_train.py`, `save_lllite_weights`.
 */
export type KeyLayout = "file" | "training"

const TRAINING_MARK = ".lllite_"

/** The prefix of names in the state of a model that `torch.compile` or DistributedDataParallel has wrapped. */
const WRAPPERS = /^(?:(?:_orig_mod|module)\.)+/

/**
 * Names of an LLLite's tensors in another layout.
 *
 * @returns new names by old names, for the adapters' tensors only
 * @throws FormatError `site-unknown` when no tensor belongs to an adapter; `write-input` for a shared trunk, which has no
 * name in training
 */
export function renameKeys(names: Iterable<string>, layout: KeyLayout, label: string): ReadonlyMap<string, string> {
  const table = keyTable()
  const renamed = new Map<string, string>()
  for (const name of names) {
    if (splitTrunkKey(name) !== null) {
      if (layout === "training") {
        const what = "a shared trunk has no name in training states. Make the LLLite plain first"
        throw new FormatError("write-input", what, { source: label, tensor: name })
      }
      renamed.set(name, name)
      continue
    }
    const found = splitFileKey(name) ?? splitTrainingKey(name)
    if (found === undefined) continue
    const site = found.key === undefined ? table.byPath.get(found.path) : table.byKey.get(found.key)
    if (site === undefined || !isSiteTensorName(found.tensor)) continue
    renamed.set(name, layout === "file" ? `${site.key}.${found.tensor}` : `${site.path}${TRAINING_MARK}${found.tensor}`)
  }
  if (![...renamed.keys()].some((name) => splitTrunkKey(name) === null)) {
    throw new FormatError(
      "site-unknown",
      "no tensor belongs to an LLLite for SDXL, neither by its name in a file nor while training",
      { source: label },
    )
  }
  return renamed
}

type SplitKey =
  | { readonly key: string; readonly path?: never; readonly tensor: string }
  | { readonly path: string; readonly key?: never; readonly tensor: string }

function splitFileKey(name: string): SplitKey | undefined {
  const dot = name.indexOf(".")
  return name.startsWith("lllite_unet_") && dot > 0
    ? { key: name.slice(0, dot), tensor: name.slice(dot + 1) }
    : undefined
}

function splitTrainingKey(name: string): SplitKey | undefined {
  const mark = name.indexOf(TRAINING_MARK)
  if (mark < 0) return undefined
  return { path: name.slice(0, mark).replace(WRAPPERS, ""), tensor: name.slice(mark + TRAINING_MARK.length) }
}
