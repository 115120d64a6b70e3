import { writeFile } from "node:fs/promises"
import { basename, join } from "node:path"
import { readSeed } from "@lllite/core/random"
import { TINY } from "@lllite/core/recipe"
import type { EncodedText, TrainDataset } from "@lllite/core/training"
import type { CacheRunOptions, SdxlPaths } from "@lllite/runtime-node"
import { readImage } from "@lllite/runtime-node"
import type { Piece, PieceModel, PieceTask } from "@lllite/serve"
import type { RuntimeChoice } from "../model/runtime-options.ts"
import type { DrawPieceParts } from "./drawn-piece.ts"
import { ENCODED_PIECE } from "./names.ts"
import { modelAt as pieceModelAt } from "./recipe-files.ts"

/** What all pieces of a data set have in common. */
export interface EncodedSettings extends Omit<CacheRunOptions, "indices" | "signal"> {
  /** The program that is followed in how pooled text is projected. Null: as the model does. */
  readonly compat: "sd-scripts" | null
  /** Backend and precision, as far as they were asked for. The worker chooses the rest. */
  readonly runtime: RuntimeChoice
}

/** An example of which something is encoded. */
export interface ToEncode {
  /** Its place in the data set, which the draw from the VAE's posterior depends on. */
  readonly index: number
  /** Null: it is not encoded. */
  readonly caption: string | null
}

interface EncodedInput extends Omit<EncodedSettings, "seed">, ToEncode {
  readonly seed: string
  /** The pictures by their hashes: as it is, and mirrored. They may be the same. */
  readonly pictures: readonly string[]
  /** The names of the models. */
  readonly model: Readonly<Record<"checkpoint" | "unet" | "vae", string | null>>
}

/** What is said of the files of a piece: the latents of each view come first, then the two parts of the text. */
export interface EncodedFacts {
  readonly views: number
  readonly hasText: boolean
}

/** Makes the pieces of a data set, each of one picture. */
export interface EncodedPieces {
  /** @param pictures the SHA-256 of the fitted picture as it is and, if it flips, mirrored. None: it is not encoded */
  of(example: ToEncode, pictures: readonly string[]): Piece
}

/** @throws InputError for a model that is a folder */
export async function createEncodedPieces(
  { checkpoint, unet, vae }: SdxlPaths,
  { seed, ...settings }: EncodedSettings,
): Promise<EncodedPieces> {
  const paths = { checkpoint, unet, vae }
  const models: PieceModel[] = []
  for (const kind of ["checkpoint", "unet", "vae"] as const) {
    const path = paths[kind]
    if (path !== undefined && path !== TINY) models.push(await pieceModelAt(kind, path))
  }
  const nameOf = (path: string | undefined): string | null => (path === undefined ? null : basename(path))
  const model = { checkpoint: nameOf(checkpoint), unet: nameOf(unet), vae: nameOf(vae) }
  return {
    of(example, pictures) {
      const input: EncodedInput = { ...settings, ...example, seed: String(seed), pictures, model }
      return { kind: ENCODED_PIECE, input, contents: [...new Set(pictures)].sort(), models }
    },
  }
}

/** Encodes a picture, its caption, or both, by what `train` encodes with. @throws as `SdxlHandle.cache` */
export async function encodePiece(
  { piece, inputs, folder, signal }: PieceTask,
  { start, modelAt, runtime: choice }: DrawPieceParts,
) {
  const { model, pictures, index, caption, compat, runtime: asked, ...rest } = piece.input as EncodedInput
  const at = (kind: keyof EncodedInput["model"]): string | null => {
    const name = model[kind]
    return name === null ? null : modelAt(kind, name)
  }
  const runtime = await start({ ...choice, ...asked }, SILENT, signal)
  try {
    const [unet, vae] = [at("unet"), at("vae")]
    const sdxl = await runtime.loadSdxl(at("checkpoint") ?? TINY, {
      ...(compat === null ? {} : { projection: compat }),
      ...(unet === null ? {} : { unet }),
      ...(vae === null ? {} : { vae }),
      signal,
    })
    const paths = pictures.map((sha256) => inputs.get(sha256) ?? "")
    const { dataset, made } = exampleAlone(paths, { index, caption })
    const { seed, captionChunks, weightedCaptions, vaeSlices } = rest
    const run = sdxl.cache(dataset, {
      seed: readSeed(seed) ?? 0,
      ...(captionChunks === undefined ? {} : { captionChunks }),
      ...(weightedCaptions === undefined ? {} : { weightedCaptions }),
      ...(vaeSlices === undefined ? {} : { vaeSlices }),
      ...{ indices: [index], signal },
    })
    for await (const _ of run);
    const { latents, text } = made()
    const files: string[] = []
    for (const values of [...latents, ...(text === null ? [] : [text.context, text.pooled])]) {
      const path = join(folder, `${files.length}.f32`)
      await writeFile(path, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
      files.push(path)
    }
    return { paths: files, facts: { views: latents.length, hasText: text !== null } satisfies EncodedFacts }
  } finally {
    await runtime.dispose()
  }
}

/** What a piece has made. */
export function readEncoded(
  files: readonly Uint8Array[],
  { views, hasText }: EncodedFacts,
): { readonly latents: readonly Float32Array[]; readonly text: EncodedText | null } {
  const values = files.map((bytes) => new Float32Array(bytes.slice().buffer))
  const [context, pooled] = values.slice(views)
  return {
    latents: values.slice(0, views),
    text: !hasText || context === undefined || pooled === undefined ? null : { context, pooled },
  }
}

/** A data set of which one example is read, with stores that keep what is made of it. */
function exampleAlone(
  views: readonly string[],
  { index, caption }: ToEncode,
): {
  readonly dataset: TrainDataset
  readonly made: () => { readonly latents: readonly Float32Array[]; readonly text: EncodedText | null }
} {
  let latents: readonly Float32Array[] = []
  let text: EncodedText | null = null
  const keepLatents = async (_: number, values: readonly Float32Array[]): Promise<void> => {
    latents = values
  }
  const keepText = async (_: number, values: EncodedText): Promise<void> => {
    text = values
  }
  const none = async (): Promise<never> => {
    throw new Error("nothing reads what a piece makes")
  }
  const dataset: TrainDataset = {
    count: index + 1,
    sizes: [],
    captionOf: () => caption ?? "",
    augmentation: () => ({ flips: views.length > 1, varies: false }),
    async example(_, view) {
      const image = await readImage(views[view?.isFlipped === true ? 1 : 0] ?? "")
      const sides = [image.width, image.height] as const
      const size = { original: sides, crop: [0, 0], target: sides } as const
      // The control is not encoded.
      return { name: `picture ${index}`, image, control: image, caption: caption ?? "", size }
    },
    ...(views.length === 0 ? {} : { latents: { has: async () => false, read: none, write: keepLatents } }),
    ...(caption === null ? {} : { texts: { has: async () => false, read: none, write: keepText } }),
  }
  return { dataset, made: () => ({ latents, text }) }
}

const SILENT = { progress: () => {}, say: () => {}, close: () => {} } as const
