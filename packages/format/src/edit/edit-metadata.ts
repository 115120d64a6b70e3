import { expectArgument, expectMap, expectOpenLllite, expectOptions } from "../argument.ts"
import { FormatError, show } from "../errors.ts"
import type { LlliteFile } from "../lllite/read.ts"
import { LLLITE_ARCHITECTURE, LLLITE_IMPLEMENTATION, MODEL_SPEC_VERSION } from "../modelspec/metadata.ts"
import { openSafetensors } from "../safetensors/read.ts"
import type { SourceLike } from "../source.ts"
import { toSource } from "../source.ts"
import type { SafetensorsContents } from "./contents.ts"
import { copiedTensor } from "./contents.ts"

/** A change of metadata. Keys are removed first, so a key in both lists gets its new value at the end. */
export interface MetadataChange {
  readonly remove?: Iterable<string>
  readonly set?: ReadonlyMap<string, string>
}

/**
 * The metadata after a change, in the old order, new keys last.
 *
 * @throws FormatError `metadata` when a key to remove does not exist
 */
export function changeMetadata(
  metadata: ReadonlyMap<string, string>,
  change: MetadataChange,
): ReadonlyMap<string, string> {
  expectMap("the metadata", metadata)
  expectOptions(change, "remove", "set")
  const { remove = [], set = new Map<string, string>() } = change
  expectMap("set", set)
  expectArgument(typeof remove?.[Symbol.iterator] === "function", "remove", remove, "a list of keys")
  const changed = new Map(metadata)
  for (const key of remove) {
    if (changed.delete(key)) continue
    const keys = metadata.size === 0 ? "it has none" : `it has ${[...metadata.keys()].map(show).join(", ")}`
    throw new FormatError("metadata", `there is no key ${show(key)} to remove; ${keys}`)
  }
  for (const [key, value] of set) changed.set(key, value)
  return changed
}

/**
 * Metadata that an LLLite lacks, as far as its header or its name determines it. These are the ModelSpec's required keys
 * that are the same for every LLLite, a title, and the adapter's widths. The widths have the names that LLLites for
 * Anima use. Existing keys stay unchanged. The function guesses no author, date, resolution or prediction of the base
 * model.
 *
 * @param title the `modelspec.title` for a file without one, usually the file's name without its ending
 */
export function missingMetadata(file: LlliteFile, title: string): ReadonlyMap<string, string> {
  expectOpenLllite(file)
  const { dims } = file
  const known: readonly (readonly [string, string | undefined])[] = [
    ["modelspec.sai_model_spec", MODEL_SPEC_VERSION],
    ["modelspec.architecture", LLLITE_ARCHITECTURE],
    ["modelspec.implementation", LLLITE_IMPLEMENTATION],
    ["modelspec.title", title],
    // Files whose sites differ in width have no single number.
    ["lllite.cond_emb_dim", dims === null ? undefined : String(dims.condDim)],
    ["lllite.mlp_dim", dims === null ? undefined : String(dims.mlpDim)],
    ["lllite.shared_trunk", dims?.sharedTrunk === true ? "true" : undefined],
    ["lllite.cond_in_channels", dims?.condChannels === undefined ? undefined : String(dims.condChannels)],
    ["lllite.cond_input_space", dims?.condInput],
  ]
  const missing = new Map<string, string>()
  for (const [key, value] of known) if (value !== undefined && !file.metadata.has(key)) missing.set(key, value)
  return missing
}

/**
 * A safetensors file with other metadata. Tensors are copied byte for byte, 4 MiB at a time.
 *
 * @param metadata undefined for no metadata
 * @throws FormatError as `openSafetensors`
 */
export async function withMetadata(
  input: SourceLike,
  metadata: ReadonlyMap<string, string> | undefined,
): Promise<SafetensorsContents> {
  if (metadata !== undefined) expectMap("the metadata", metadata)
  const source = toSource(input)
  const { tensors } = await openSafetensors(source)
  return { tensors: new Map([...tensors].map(([name, info]) => [name, copiedTensor(source, info)])), metadata }
}
