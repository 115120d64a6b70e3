import type { CheckpointTraits } from "@lllite/format/identify"
import { readCheckpointTraits } from "@lllite/format/identify"
import { checkArgument } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import type { WeightEntry } from "../../ops/weight-entry.ts"
import { inferText1Config, inferText2Config, TEXT1_PREFIX, TEXT2_PREFIX } from "../clip/config.ts"
import { reshaped, stacked, transposed } from "../entry-views.ts"
import { checkFile } from "../given.ts"
import { inferUnetConfig, UNET_PREFIX } from "../unet/config.ts"
import { inferVaeConfig, VAE_PREFIX } from "../vae/config.ts"
import type { WeightFile } from "../weight-reader.ts"
import { diffusersUnetRename } from "./diffusers-unet.ts"
import { isPointwise, vaeRenames } from "./diffusers-vae.ts"
import { type Rename, renameBy } from "./renames.ts"
import { withScales } from "./scaled-weights.ts"
import { TEXT2_QUERY, TEXT2_RENAMES } from "./transformers-text2.ts"

/*
 * A part of SDXL may come in a checkpoint of Stability's layout, or in a separate file with or without that layout's
 * prefix. It may also have the names of diffusers and transformers. The models here know Stability's names only. All
 * other names are changed when a file is read. Other tensors of the file are ignored.
 */

/** SDXL by its parts. Each file holds its part, alone or among other tensors. */
export interface SdxlFiles {
  readonly unet: WeightFile
  readonly vae: WeightFile
  readonly text1: WeightFile
  readonly text2: WeightFile
}

/**
 * The parts of SDXL under Stability's names, with the scales of scaled fp8 applied. The U-Net has the traits of its file.
 *
 * @throws CoreError that names a file without its part, or of a kind that cannot be run
 */
export function partsOf(files: WeightFile | SdxlFiles): SdxlFiles {
  checkArgument("SDXL: the files", files, "an object")
  const { unet, vae, text1, text2 } = "entries" in files ? allOf(files) : files
  for (const [part, file] of Object.entries({ unet, vae, text1, text2 })) checkFile(`SDXL: ${part}`, file)
  const traits = new Map([...new Set([unet, vae, text1, text2])].map((file) => [file, traitsOf(file)]))
  const readable = new Map([...traits.keys()].map((file) => [file, withScales(file)]))
  const of = (file: WeightFile): WeightFile => readable.get(file) ?? file
  return {
    unet: { ...unetOf(of(unet)), traits: traits.get(unet) ?? traitsOf(unet) },
    vae: vaeOf(of(vae)),
    text1: text1Of(of(text1)),
    text2: text2Of(of(text2)),
  }
}

/** What a file says of itself. @throws CoreError for a kind that cannot be run */
function traitsOf(file: WeightFile): CheckpointTraits {
  checkFile("SDXL", file)
  const { traits, entries: tensors, metadata = new Map(), label } = file
  const found = traits ?? readCheckpointTraits({ tensors, metadata, label })
  const [refusal] = found.refusals
  if (refusal !== undefined) throw new CoreError("checkpoint-unsupported", `${label} cannot be run: ${refusal}.`)
  return found
}

/**
 * All parts' tensors, by the checkpoint's name.
 *
 * @throws CoreError that names the file of a part without its structure
 */
export function joinedParts(files: SdxlFiles): WeightFile {
  for (const part of ["unet", "vae", "text1", "text2"] as const) checkFile(`SDXL: ${part}`, files?.[part])
  const { unet, vae, text1, text2 } = files
  // Joined, they have one name, and an error would blame the checkpoint for a VAE from another file.
  inferUnetConfig(unet)
  inferVaeConfig(vae)
  inferText1Config(text1)
  inferText2Config(text2)
  const entries = [unet, vae, text1, text2].flatMap((part) => [...part.entries])
  return { label: unet.label, entries: new Map(entries) }
}

function allOf(file: WeightFile): SdxlFiles {
  return { unet: file, vae: file, text1: file, text2: file }
}

/** A U-Net under the names of a checkpoint in Stability's layout. @throws CoreError if the file holds none */
export function unetOf(file: WeightFile): WeightFile {
  checkFile("U-Net", file)
  if (has(file, UNET_PREFIX)) return only(file, UNET_PREFIX)
  if (has(file, "input_blocks.0.")) return prefixed(file, UNET_PREFIX)
  if (has(file, "down_blocks.") && has(file, "time_embedding.")) {
    return renamed(
      file,
      UNET_PREFIX,
      diffusersUnetRename((prefix) => has(file, prefix)),
    )
  }
  throw missing(file, "U-Net", `"${UNET_PREFIX}…", "input_blocks.…" or diffusers' "down_blocks.…"`)
}

/** A VAE under the names of a checkpoint in Stability's layout. @throws CoreError if the file holds none */
export function vaeOf(file: WeightFile): WeightFile {
  checkFile("VAE", file)
  if (has(file, VAE_PREFIX)) return only(file, VAE_PREFIX)
  if (has(file, "decoder.up.")) return prefixed(file, VAE_PREFIX)
  if (has(file, "decoder.up_blocks.")) {
    let levels = 0
    while (has(file, `decoder.up_blocks.${levels}.`)) levels++
    return renamed(file, VAE_PREFIX, renameBy(vaeRenames(levels)), (name, entry) =>
      isPointwise(name) && entry.shape.length === 2 ? reshaped(entry, [...entry.shape, 1, 1]) : entry,
    )
  }
  if (has(file, UNET_PREFIX)) {
    throw new CoreError(
      "checkpoint-no-vae",
      `${file.label} is a checkpoint without a VAE. Give a VAE of SDXL beside it.`,
    )
  }
  throw missing(file, "VAE", `"${VAE_PREFIX}…", "decoder.up.…" or diffusers' "decoder.up_blocks.…"`)
}

/** SDXL's first text encoder under the names of a checkpoint. @throws CoreError if the file holds none */
export function text1Of(file: WeightFile): WeightFile {
  checkFile("text encoder", file)
  if (has(file, TEXT1_PREFIX)) return only(file, TEXT1_PREFIX)
  const inner = "text_model."
  if (has(file, inner)) return prefixed(only(file, inner), TEXT1_PREFIX.slice(0, -inner.length))
  // Transformers 5 saves it without the name of the model inside.
  if (has(file, "embeddings.token_embedding.")) return prefixed(file, TEXT1_PREFIX)
  throw missing(file, "first text encoder", `"${TEXT1_PREFIX}…" or transformers' "${inner}…"`)
}

/** SDXL's second text encoder under the names of a checkpoint. @throws CoreError if the file holds none */
export function text2Of(file: WeightFile): WeightFile {
  checkFile("text encoder", file)
  if (has(file, TEXT2_PREFIX)) return only(file, TEXT2_PREFIX)
  if (has(file, "text_model.")) {
    const simple = renamed(file, TEXT2_PREFIX, renameBy(TEXT2_RENAMES))
    return { ...simple, entries: new Map([...simple.entries, ...joinedEntries(file)]) }
  }
  throw missing(file, "second text encoder", `"${TEXT2_PREFIX}…" or transformers' "text_model.…"`)
}

/** The name of the projection of pooled text in files of transformers. */
const TRANSFORMERS_PROJECTION = "text_projection.weight"

/**
 * Whether a second text encoder of `partsOf` is of transformers' files, which store its projection the other way round
 * than Stability's.
 */
export function isProjectionTransposed(file: WeightFile): boolean {
  checkFile("text encoder", file)
  const { entries } = file
  return entries.get(`${TEXT2_PREFIX}text_projection`)?.name === TRANSFORMERS_PROJECTION
}

/** Tensors that have another shape in open_clip than in transformers. */
function* joinedEntries(file: WeightFile): Generator<[string, WeightEntry]> {
  for (const [name, query] of file.entries) {
    const [, block, what] = TEXT2_QUERY.exec(name) ?? []
    if (block === undefined) continue
    const [key, value] = ["k_proj", "v_proj"].map((layer) => file.entries.get(name.replace("q_proj", layer)))
    // If one of the three is missing, so is the joined one. The error then names it when the model is built.
    if (key === undefined || value === undefined) continue
    yield [`${TEXT2_PREFIX}transformer.resblocks.${block}.attn.in_proj_${what}`, stacked([query, key, value])]
  }
  const projection = file.entries.get(TRANSFORMERS_PROJECTION)
  if (projection !== undefined) yield [`${TEXT2_PREFIX}text_projection`, transposed(projection)]
}

function has({ entries }: WeightFile, prefix: string): boolean {
  for (const name of entries.keys()) if (name.startsWith(prefix)) return true
  return false
}

function only({ label, entries }: WeightFile, prefix: string): WeightFile {
  return { label, entries: new Map([...entries].filter(([name]) => name.startsWith(prefix))) }
}

function prefixed({ label, entries }: WeightFile, prefix: string): WeightFile {
  return { label, entries: new Map([...entries].map(([name, entry]) => [prefix + name, entry])) }
}

function renamed(
  { label, entries }: WeightFile,
  prefix: string,
  rename: Rename,
  adapt: (name: string, entry: WeightEntry) => WeightEntry = (_, entry) => entry,
): WeightFile {
  const found = new Map<string, WeightEntry>()
  for (const [name, entry] of entries) {
    const to = rename(name)
    if (to !== null) found.set(prefix + to, adapt(to, entry))
  }
  return { label, entries: found }
}

function missing({ label, entries }: WeightFile, what: string, expected: string): CoreError {
  const [first] = entries.keys()
  const held = first === undefined ? "it is empty" : `its first tensor is "${first}"`
  return new CoreError("checkpoint-part", `${label} holds no ${what}: expected tensors named ${expected}, and ${held}.`)
}
