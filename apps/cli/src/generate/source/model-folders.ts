import type { Dirent } from "node:fs"
import { existsSync, readdirSync, statSync } from "node:fs"
import { basename, dirname, join, relative, resolve } from "node:path"
import type { RecipeFileKind } from "@lllite/core/recipe"
import { TINY } from "@lllite/runtime-node"
import { expectFolder } from "@lllite/runtime-node/files"
import type { ModelPaths } from "./extra-model-paths.ts"
import { readExtraModelPaths } from "./extra-model-paths.ts"

/** Finds the files that a workflow or a picture names. */
export interface ModelFolders {
  /** The path of a file. Null: it is in no folder of its kind. */
  find(name: string, kind: RecipeFileKind): string | null
  /** The folders of a kind that exist. */
  foldersOf(kind: RecipeFileKind): readonly string[]
}

/** Kinds of ComfyUI's folders, and those of A1111 beside them. */
const KINDS: Readonly<Record<RecipeFileKind, readonly string[]>> = {
  checkpoint: ["checkpoints", "Stable-diffusion", "diffusers"],
  unet: ["diffusion_models", "unet"],
  vae: ["vae", "VAE"],
  lora: ["loras", "Lora", "LyCORIS"],
  "textual-inversion": ["embeddings"],
  adapter: ["controlnet", "ControlNet", "model_patches", "lllite"],
  picture: [],
  start: [],
  mask: [],
}

/** The folder of kohya's node, below ComfyUI's. */
const LLLITES = join("custom_nodes", "ControlNet-LLLite-ComfyUI", "models")

/** Endings of files whose names may lack them, as in A1111's text. */
const ENDINGS = ["", ".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".sft"]

/** How deep folders are searched, and how many entries are looked at. */
const DEEPEST = 4
const MOST_ENTRIES = 20_000

/**
 * The folders of models: ComfyUI's folder or its `models`, a folder of A1111, or one that has all files in it.
 *
 * @param source the workflow or the picture. Its folder is searched for pictures
 * @throws InputError for a folder that is missing, and for an `extra_model_paths.yaml` that cannot be read
 */
export async function openModelFolders(options: {
  readonly modelsDirs: readonly string[]
  readonly extraPaths: string | undefined
  readonly source: string
}): Promise<ModelFolders> {
  for (const folder of options.modelsDirs) await expectFolder(folder)
  const roots = options.modelsDirs.map(rootsOf)
  const files = [...(options.extraPaths === undefined ? [] : [options.extraPaths]), ...roots.flatMap(ownExtraPaths)]
  const extra = await Promise.all([...new Set(files)].map(readExtraModelPaths))
  const source = dirname(resolve(options.source))
  const foldersOf = (kind: RecipeFileKind): readonly string[] => {
    const named = roots.flatMap(({ base, models }) => [
      ...KINDS[kind].map((name) => join(models, name)),
      ...(kind === "adapter" ? [join(base, LLLITES)] : []),
      ...(isPicture(kind) ? [join(base, "input"), join(base, "output")] : []),
    ])
    const flat = roots.flatMap(({ models }) => (isFlat(models) ? [models] : []))
    const all = [...named, ...extra.flatMap((paths) => extraFolders(paths, kind)), ...flat]
    return [...new Set([...all, ...(isPicture(kind) ? [source] : [])].map((path) => resolve(path)))].filter(isFolder)
  }
  return {
    foldersOf,
    find: (written, kind) => {
      if (written === TINY && kind === "checkpoint") return written
      // ComfyUI on Windows writes subfolders with a backslash.
      const name = written.replaceAll("\\", "/")
      if (existsSync(written)) return written
      if (/^\w[\w+.-]*:\/\//.test(name)) return null
      const folders = foldersOf(kind)
      return firstOf(folders, (folder) => inside(folder, name)) ?? firstOf(folders, (folder) => below(folder, name))
    },
  }
}

function extraFolders(paths: ModelPaths, kind: RecipeFileKind): readonly string[] {
  const nodes = kind === "adapter" ? (paths.get("custom_nodes") ?? []) : []
  return [
    ...KINDS[kind].flatMap((name) => paths.get(name) ?? []),
    ...nodes.map((folder) => join(folder, relative("custom_nodes", LLLITES))),
  ]
}

/** The folder of a program, and the folder of its models. */
function rootsOf(path: string): { readonly base: string; readonly models: string } {
  const models = join(path, "models")
  if (isFolder(models)) return { base: path, models }
  return { base: dirname(resolve(path)), models: path }
}

/** Whether a folder has files of all kinds, and no folder for each. */
function isFlat(models: string): boolean {
  return !Object.values(KINDS).some((names) => names.some((name) => isFolder(join(models, name))))
}

function ownExtraPaths({ base }: { readonly base: string }): readonly string[] {
  const path = join(base, "extra_model_paths.yaml")
  return existsSync(path) ? [path] : []
}

function firstOf<T>(values: readonly T[], find: (value: T) => string | null): string | null {
  for (const value of values) {
    const found = find(value)
    if (found !== null) return found
  }
  return null
}

/** The file at its place in a folder, with or without an ending. A name cannot lead out of the folder. */
function inside(folder: string, name: string): string | null {
  for (const ending of ENDINGS) {
    const path = resolve(folder, `./${name}${ending}`)
    if (!relative(folder, path).startsWith("..") && existsSync(path)) return path
  }
  return null
}

/** A file of this name in a folder below. */
function below(folder: string, name: string): string | null {
  const wanted = new Set(ENDINGS.map((ending) => basename(name) + ending))
  let left = MOST_ENTRIES
  const search = (path: string, depth: number): string | null => {
    const deeper: string[] = []
    for (const entry of listed(path)) {
      if (left-- <= 0) return null
      if (wanted.has(entry.name)) return join(path, entry.name)
      if (entry.isDirectory() && depth < DEEPEST) deeper.push(join(path, entry.name))
    }
    return firstOf(deeper, (next) => search(next, depth + 1))
  }
  return search(folder, 0)
}

function listed(path: string): readonly Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true })
  } catch {
    return []
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function isPicture(kind: RecipeFileKind): boolean {
  return kind === "picture" || kind === "start" || kind === "mask"
}
