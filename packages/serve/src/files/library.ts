import { checkArgument } from "@lllite/core/names"
import { type RecipeFileKind, TINY } from "@lllite/core/recipe"

/** Kinds of files that a server has in folders. Pictures come with requests. */
export type ModelKind = Exclude<RecipeFileKind, "picture" | "start" | "mask">

export const MODEL_KINDS = [
  "checkpoint",
  "unet",
  "vae",
  "lora",
  "textual-inversion",
  "adapter",
] as const satisfies readonly ModelKind[]

/** A model in a folder of the server. */
export interface Model {
  /** Its path below its folder, with `/` between the parts. */
  readonly name: string
  readonly path: string
}

/** The models that jobs may name. Nothing else on the machine can be reached by a name. */
export interface Library {
  /** All models of a kind, by name. The folders are read anew. */
  list(kind: ModelKind): Promise<readonly Model[]>
}

/** The names that jobs may give for a kind: the listed models, and the embedded SDXL among the checkpoints. */
export async function namesOf(library: Library, kind: ModelKind): Promise<readonly string[]> {
  const names = (await library.list(kind)).map(({ name }) => name)
  return kind === "checkpoint" ? [...names, TINY] : names
}

/** Endings of files whose names may lack them, as in A1111's texts. */
const ENDINGS = ["", ".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".sft"]

/**
 * A model by its name, with or without its ending and its folder. Only listed models are found, so that no name leads out
 * of the folders.
 */
export function findModel(models: readonly Model[], written: string): Model | null {
  checkArgument("models: the list", models, "a list")
  for (const model of models) checkArgument("models: the name of a model", model?.name, "text")
  checkArgument("models: the name", written, "text")
  // ComfyUI on Windows writes subfolders with a backslash. A1111 adds a hash in brackets.
  const name = written.replaceAll("\\", "/").replace(/ \[[0-9a-f]{6,64}\]$/, "")
  if (name === "") return null
  const wanted = new Set(ENDINGS.map((ending) => name + ending))
  return (
    models.find((model) => wanted.has(model.name)) ??
    models.find((model) => wanted.has(model.name.slice(model.name.lastIndexOf("/") + 1))) ??
    null
  )
}
