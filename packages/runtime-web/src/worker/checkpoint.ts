import type { LoraUse, MergedParts, WeightFile } from "@lllite/core/models"
import { mergeLoras, partsOf } from "@lllite/core/models"
import type { WeightEntry } from "@lllite/core/ops"
import type { LoadProgress } from "@lllite/core/runtime"
import type { AdditionKind } from "@lllite/core/worker"
import type { ByteSource } from "@lllite/format"
import { FormatError, openSafetensors } from "@lllite/format"
import { expectControlNet, type FileKind, identify } from "@lllite/format/identify"
import type { SentSource, WebTypes } from "../types.ts"
import { openSource } from "./source.ts"

/** The part that a file must hold, and the kinds of files that hold it. */
interface Part {
  readonly what: string
  readonly kinds: readonly FileKind[]
}

const CHECKPOINT: Part = { what: "an SDXL checkpoint", kinds: ["sdxl-checkpoint"] }
const UNET: Part = { what: "an SDXL U-Net", kinds: ["sdxl-unet", "sdxl-checkpoint"] }
const LORA: Part = { what: "a LoRA for SDXL", kinds: ["lora", "lycoris"] }
const INVERSION: Part = { what: "a textual inversion", kinds: ["textual-inversion"] }
const CONTROL_NET: Part = { what: "a ControlNet for SDXL", kinds: ["controlnet"] }
const VAE: Part = { what: "a VAE", kinds: ["vae", "sdxl-checkpoint"] }

const ADDITIONS: Readonly<Record<AdditionKind, Part>> = {
  lora: LORA,
  "textual-inversion": INVERSION,
  controlnet: CONTROL_NET,
}

/**
 * Opens an SDXL, the files that replace its U-Net or VAE, and LoRAs, which are merged. Files at addresses are downloaded first.
 *
 * @throws FormatError for a file that is broken or of another kind; CoreError for a file that lacks the part that it
 * should hold; WebRuntimeError for a file that cannot be read or downloaded
 */
export async function* openCheckpoint(
  { source, unet, vae, loras }: Pick<WebTypes["checkpoint"], "source" | "unet" | "vae" | "loras">,
  signal: AbortSignal,
): AsyncGenerator<LoadProgress, MergedParts, void> {
  async function* open(source: SentSource, part: Part): AsyncGenerator<LoadProgress, WeightFile, void> {
    return readWeightFile(yield* openSource(source, signal), part)
  }
  const whole = yield* open(source, CHECKPOINT)
  const files = partsOf({
    unet: unet === null ? whole : yield* open(unet, UNET),
    vae: vae === null ? whole : yield* open(vae, VAE),
    text1: whole,
    text2: whole,
  })
  const uses: LoraUse[] = []
  for (const { source, ...use } of loras) uses.push({ ...use, file: yield* open(source, LORA) })
  return mergeLoras(files, uses)
}

/** Opens a LoRA, a textual inversion or a ControlNet. A file at an address is downloaded first. @throws as `openCheckpoint` */
export async function* openAddition(
  source: SentSource,
  kind: AdditionKind,
  signal: AbortSignal,
): AsyncGenerator<LoadProgress, { readonly file: WeightFile; close(): Promise<void> }, void> {
  const part = ADDITIONS[kind]
  return { file: await readWeightFile(yield* openSource(source, signal), part), close: async () => {} }
}

/** The named tensors of a checkpoint, of which a plan reads no value. @throws FormatError for a file of another kind */
export function readCheckpoint(source: ByteSource): Promise<WeightFile> {
  return readWeightFile(source, CHECKPOINT)
}

/** The named tensors of a file. */
async function readWeightFile(source: ByteSource, { what, kinds }: Part): Promise<WeightFile> {
  const file = await openSafetensors(source)
  if (kinds === CONTROL_NET.kinds) expectControlNet(file)
  const { kind, detail } = identify(file)
  if (!kinds.includes(kind)) {
    const advice = kinds === CHECKPOINT.kinds ? " Give the base model's safetensors file." : ""
    throw new FormatError("wrong-kind", `expected ${what}, this is ${detail}.${advice}`, { source: file.label })
  }
  const entries = new Map(
    [...file.tensors].map(([name, { dtype, shape }]): [string, WeightEntry] => [
      name,
      { name, dtype, shape, read: () => file.read(name) },
    ]),
  )
  return { label: file.label, entries, metadata: file.metadata }
}
