import { stat } from "node:fs/promises"
import { join } from "node:path"
import type { LoraUse, SdxlFiles, WeightFile } from "@lllite/core/models"
import { madeUpSdxl, mergeLoras, partsOf, unetOf, vaeOf } from "@lllite/core/models"
import { checkOptions, type OptionKinds } from "@lllite/core/names"
import type { WeightEntry } from "@lllite/core/ops"
import { TINY } from "@lllite/core/recipe"
import type { LoraSource } from "@lllite/core/runtime"
import type { AdditionKind } from "@lllite/core/worker"
import { FormatError } from "@lllite/format"
import { expectControlNet, type FileKind, identify } from "@lllite/format/identify"
import { InputError } from "../errors.ts"
import { requireFrom } from "../own-files.ts"
import { expectSdxlFolder, readScheduler } from "./diffusers-folder.ts"
import { type OpenLocation, openFile } from "./open-location.ts"

/** The paths of an SDXL's files. */
export interface SdxlPaths {
  /**
   * One of these:
   *
   * - `tiny`, the embedded model.
   *
   * - `made-up`, an SDXL of real size in float16 whose values are made up, to measure speed and memory.
   *
   * - A checkpoint in the Stability layout: the path of its file, or of the index of its files.
   *
   * - A folder as diffusers writes it, with `unet`, `vae`, `text_encoder` and `text_encoder_2` in it.
   */
  readonly checkpoint: string
  /** A U-Net that replaces the checkpoint's: a file of a U-Net, another checkpoint, or a diffusers folder. */
  readonly unet?: string
  /** A VAE that replaces the checkpoint's: a file of a VAE, another checkpoint, or a diffusers folder. */
  readonly vae?: string
  /** LoRAs that are merged into the weights, in this order. */
  readonly loras?: readonly LoraSource<string>[]
}

/** An SDXL whose headers are read. Close it when it is loaded. */
export interface OpenSdxl {
  readonly files: SdxlFiles
  /** What of the files is not used, one sentence each. */
  readonly notices: readonly string[]
  readonly close: () => Promise<void>
}

export { TINY }

/** The name of the SDXL of real size with made-up values. */
export const MADE_UP = "made-up"

const require = requireFrom(import.meta.url)

/** A part of an SDXL, and where it may lie. */
interface Part {
  readonly what: string
  readonly kinds: readonly FileKind[]
  /** Name of the part's folder in a diffusers folder. */
  readonly folder: string
  /** Name of the weights' file in that folder, without the ending. */
  readonly stem: string
}

const UNET: Part = {
  what: "an SDXL U-Net",
  kinds: ["sdxl-unet", "sdxl-checkpoint"],
  folder: "unet",
  stem: "diffusion_pytorch_model",
}
const VAE: Part = { what: "a VAE", kinds: ["vae", "sdxl-checkpoint"], folder: "vae", stem: "diffusion_pytorch_model" }
const TEXT1: Part = { what: "a text encoder", kinds: ["text-encoder"], folder: "text_encoder", stem: "model" }
const LORA: Part = { what: "a LoRA for SDXL", kinds: ["lora", "lycoris"], folder: "", stem: "pytorch_lora_weights" }
const INVERSION: Part = {
  ...{ what: "a textual inversion", folder: "", stem: "learned_embeds" },
  kinds: ["textual-inversion"],
}
const CONTROL_NET: Part = {
  what: "a ControlNet for SDXL",
  kinds: ["controlnet"],
  folder: "controlnet",
  stem: "diffusion_pytorch_model",
}
const TEXT2: Part = { ...TEXT1, folder: "text_encoder_2" }

const ADDITIONS: Readonly<Record<AdditionKind, Part>> = {
  lora: LORA,
  "textual-inversion": INVERSION,
  controlnet: CONTROL_NET,
}

/** Endings of weights in a diffusers folder, in the order in which they are tried. Those of float16 come last. */
const ENDINGS = [
  ".safetensors.index.json",
  ".safetensors",
  ".safetensors.index.fp16.json",
  ".fp16.safetensors.index.json",
  ".fp16.safetensors",
]

const KINDS: OptionKinds<SdxlPaths> = { checkpoint: "text", unet: "text", vae: "text", loras: "a list" }

/**
 * Opens the files of an SDXL. Only their headers are read.
 *
 * @throws InputError for a file that is missing; FormatError for a file that is broken or of another kind; CoreError
 * for a file that lacks the part that it should hold
 */
export async function openSdxl(paths: SdxlPaths): Promise<OpenSdxl> {
  checkOptions("SDXL", paths, KINDS, ["checkpoint"])
  const { checkpoint, unet, vae, loras = [] } = paths
  const opened: OpenLocation[] = []
  const close = async (): Promise<void> => {
    for (const each of opened) await each.close()
  }
  const open = async (path: string, part: Part | null): Promise<WeightFile> => {
    const location = await openFile(path)
    opened.push(location)
    expectKind(location.file, part)
    return weightFile(location.file)
  }
  /** Opens one part from a file or folder. */
  const openFrom = async (path: string, part: Part): Promise<WeightFile> =>
    open((await isFolder(path)) ? await findWeights(path, part) : path, part)

  try {
    const path = checkpoint === TINY ? require.resolve("@lllite/tiny/tiny-sdxl.safetensors") : checkpoint
    const isParts = await isFolder(path)
    const whole = isParts ? null : path === MADE_UP ? await madeUpSdxl("F16") : await open(path, null)
    const from = async (replacement: string | undefined, part: Part): Promise<WeightFile> =>
      replacement === undefined ? (whole ?? openFrom(path, part)) : openFrom(replacement, part)
    if (isParts) await expectSdxlFolder(path)
    const unetFile = await from(unet, UNET)
    const scheduler = isParts && unet === undefined ? await readScheduler(path) : new Map<string, string>()
    const files = {
      unet: scheduler.size === 0 ? unetFile : withMetadata(unetFile, scheduler),
      vae: await from(vae, VAE),
      text1: await from(undefined, TEXT1),
      text2: await from(undefined, TEXT2),
    }
    const uses: LoraUse[] = []
    for (const { source, ...use } of loras) uses.push({ ...use, file: await openFrom(source, LORA) })
    return { ...mergeLoras(partsOf(files), uses), close }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * Opens a U-Net or a VAE that is to replace a checkpoint's. Only its header is read.
 *
 * @param path of its file, of another checkpoint, or of a diffusers folder
 * @throws as `openSdxl`
 */
export async function openPart(
  path: string,
  part: "unet" | "vae",
): Promise<{ readonly file: WeightFile; close(): Promise<void> }> {
  const wanted = part === "unet" ? UNET : VAE
  const location = await openFile((await isFolder(path)) ? await findWeights(path, wanted) : path)
  try {
    expectKind(location.file, wanted)
    const file = weightFile(location.file)
    return { file: part === "unet" ? unetOf(file) : vaeOf(file), close: location.close }
  } catch (error) {
    await location.close()
    throw error
  }
}

/**
 * Opens a LoRA, a textual inversion or a ControlNet. Only its header is read.
 *
 * @param path of its file, or of a diffusers folder with a LoRA
 * @throws as `openSdxl`
 */
export async function openAddition(
  path: string,
  kind: AdditionKind,
): Promise<{ readonly file: WeightFile; close(): Promise<void> }> {
  const part = ADDITIONS[kind]
  const location = await openFile((await isFolder(path)) ? await findWeights(path, part) : path)
  try {
    if (kind === "controlnet") expectControlNet(location.file)
    else expectKind(location.file, part)
    return { file: weightFile(location.file), close: location.close }
  } catch (error) {
    await location.close()
    throw error
  }
}

function withMetadata(file: WeightFile, more: ReadonlyMap<string, string>): WeightFile {
  return { ...file, metadata: new Map([...(file.metadata ?? []), ...more]) }
}

function weightFile(file: OpenLocation["file"]): WeightFile {
  const entries = [...file.tensors].map(([name, { dtype, shape }]): [string, WeightEntry] => [
    name,
    { name, dtype, shape, read: () => file.read(name), readInto: (target) => file.readInto(name, target) },
  ])
  return { label: file.label, entries: new Map(entries), metadata: file.metadata }
}

/** @param part the part that the file must hold; null for a whole checkpoint */
function expectKind(file: OpenLocation["file"], part: Part | null): void {
  const { kind, detail } = identify(file)
  const { what, kinds } = part ?? { what: "an SDXL checkpoint", kinds: ["sdxl-checkpoint"] as readonly FileKind[] }
  if (kinds.includes(kind)) return
  const advice =
    part !== null
      ? ""
      : kind === "sdxl-unet"
        ? " Give a checkpoint, and this file as its U-Net."
        : kind === "vae"
          ? " Give a checkpoint, and this file as its VAE."
          : ` Give the base model's safetensors file, or "${TINY}" for the embedded one.`
  throw new FormatError("wrong-kind", `expected ${what}, this is ${detail}.${advice}`, { source: file.label })
}

/** Finds the weights of a part. The path is the folder of the model or the folder of the part. */
async function findWeights(path: string, { folder, stem, what }: Part): Promise<string> {
  const partFolder = (await isFolder(join(path, folder))) ? join(path, folder) : path
  for (const ending of ENDINGS) {
    const candidate = join(partFolder, stem + ending)
    if (await exists(candidate)) return candidate
  }
  const pickled = (await exists(join(partFolder, `${stem}.bin`)))
    ? ` "${stem}.bin" is a pickle, which can run code when it is opened. It is not read. Save it as safetensors.`
    : ""
  throw new InputError(
    "model-part",
    `"${path}" has no ${what.replace(/^an? /, "")}: expected "${join(folder, `${stem}.safetensors`)}" in it.${pickled}`,
  )
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
