import { readFile, stat } from "node:fs/promises"
import { basename } from "node:path"
import type { Recipe, RecipeFileKind } from "@lllite/core/recipe"
import { RECIPE_FILE_NAMES, TINY, withFiles } from "@lllite/core/recipe"
import { InputError } from "@lllite/runtime-node"
import type { ModelKind, PieceModel } from "@lllite/serve"
import { fingerprintOf } from "./fingerprint.ts"
import { sha256Of } from "./sha256.ts"

/** The files of recipes, by what other machines know them by. Each file is read once. */
export interface RecipeFiles {
  /** The hashes of the pictures of recipes, by their paths. */
  pictures(recipes: readonly Recipe[]): Promise<ReadonlyMap<string, string>>
  /** The models of recipes, without the embedded one. */
  models(recipes: readonly Recipe[]): Promise<readonly PieceModel[]>
  /** The bytes of a picture that was named. */
  read(sha256: string): Promise<Uint8Array>
}

/** Whether a file of a recipe is a picture. All others are models. */
export function isPicture(kind: RecipeFileKind): kind is Exclude<RecipeFileKind, ModelKind> {
  return kind === "picture" || kind === "start" || kind === "mask"
}

export function createRecipeFiles(): RecipeFiles {
  const hashes = new Map<string, Promise<string>>()
  const paths = new Map<string, string>()
  const models = new Map<string, Promise<PieceModel>>()
  const hash = async (path: string): Promise<string> => {
    const sha256 = sha256Of(await readFile(path))
    paths.set(sha256, path)
    return sha256
  }
  return {
    async pictures(recipes) {
      const found = new Map<string, string>()
      for (const { path, kind } of filesOf(recipes)) {
        if (!isPicture(kind) || found.has(path)) continue
        const known = hashes.get(path) ?? hash(path)
        hashes.set(path, known)
        found.set(path, await known)
      }
      return found
    },
    async models(recipes) {
      const found = new Map<string, PieceModel>()
      for (const { path, kind } of filesOf(recipes)) {
        if (isPicture(kind) || path === TINY || found.has(`${kind} ${path}`)) continue
        const known = models.get(`${kind} ${path}`) ?? modelAt(kind, path)
        models.set(`${kind} ${path}`, known)
        found.set(`${kind} ${path}`, await known)
      }
      return [...found.values()]
    },
    read: (sha256) => readFile(paths.get(sha256) ?? ""),
  }
}

function filesOf(recipes: readonly Recipe[]): readonly { readonly path: string; readonly kind: RecipeFileKind }[] {
  const files: { readonly path: string; readonly kind: RecipeFileKind }[] = []
  for (const recipe of recipes) {
    withFiles(recipe, (file, kind) => {
      files.push({ path: file.path, kind })
      return file
    })
  }
  return files
}

/** A model as other machines know it. @throws InputError for a model that is a folder */
export async function modelAt(kind: ModelKind, path: string): Promise<PieceModel> {
  const found = await stat(path)
  if (!found.isFile()) {
    throw new InputError(
      "not-a-file",
      `the ${RECIPE_FILE_NAMES[kind]} "${path}" is a folder. Workers find models by the names of files: convert it to one.`,
    )
  }
  return { kind, name: basename(path), size: found.size, fingerprint: await fingerprintOf(path) }
}
