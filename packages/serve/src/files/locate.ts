import { stat } from "node:fs/promises"
import {
  type FileReference,
  RECIPE_FILE_NAMES,
  type RecipeFileKind,
  type RecipeInput,
  TINY,
  withFiles,
} from "@lllite/core/recipe"
import { ServeError } from "../errors.ts"
import type { Contents } from "./contents.ts"
import type { InputPictures } from "./input-pictures.ts"
import type { Library, ModelKind } from "./library.ts"
import { findModel } from "./library.ts"

/** Where the files of recipes are. */
export interface Places {
  readonly library: Library
  readonly contents: Pick<Contents, "find">
  readonly inputs: Pick<InputPictures, "names">
}

/**
 * The recipes with paths in the place of names. A picture is named by its SHA-256, or by the name of its upload.
 *
 * @throws ServeError `file-unknown` with all files that the server does not have
 */
export async function locateFiles(
  recipes: readonly RecipeInput[],
  { library, contents, inputs }: Places,
): Promise<readonly RecipeInput[]> {
  const paths = new Map<string, string>()
  const missing = new Map<string, string>()
  for (const { file, kind } of filesOf(recipes)) {
    const key = keyOf(file, kind)
    if (paths.has(key) || missing.has(key)) continue
    const path = isPicture(kind) ? await pictureOf(file, contents, inputs) : await modelOf(file, kind, library)
    if (path === null) missing.set(key, missingText(file, kind))
    else paths.set(key, path)
  }
  if (missing.size > 0) throw new ServeError("file-unknown", `${[...missing.values()].join(". ")}.`)
  return recipes.map((recipe) =>
    withFiles(recipe, (file, kind) => ({ path: paths.get(keyOf(file, kind)) ?? file.path })),
  )
}

/** The hashes of the pictures that recipes read. */
export function pictureHashes(recipes: readonly RecipeInput[], inputs: Places["inputs"]): readonly string[] {
  return filesOf(recipes).flatMap(({ file, kind }) => (isPicture(kind) ? (hashOf(file, inputs) ?? []) : []))
}

/** The recipes with every picture named by its hash, as another machine needs them. */
export function nameByHash(recipes: readonly RecipeInput[], inputs: Places["inputs"]): readonly RecipeInput[] {
  return recipes.map((recipe) =>
    withFiles(recipe, (file, kind) => {
      const sha256 = isPicture(kind) ? hashOf(file, inputs) : null
      return sha256 === null ? file : { path: file.path, sha256 }
    }),
  )
}

/** A model that a recipe names, with the size of its file. */
export interface NamedModel {
  readonly kind: ModelKind
  readonly name: string
  readonly size: number
}

/** The models that recipes name, without the embedded one. What is not in the library is left out. */
export async function namedModels(recipes: readonly RecipeInput[], library: Library): Promise<readonly NamedModel[]> {
  const models = new Map<string, NamedModel>()
  for (const { file, kind } of filesOf(recipes)) {
    if (isPicture(kind) || models.has(keyOf(file, kind))) continue
    const path = await modelOf(file, kind, library)
    if (path === null || path === TINY) continue
    const size = await sizeOf(path)
    if (size !== null) models.set(keyOf(file, kind), { kind, name: file.path, size })
  }
  return [...models.values()]
}

/**
 * Checks that models of the same names are the same files here, by their sizes.
 *
 * @param where names this machine
 * @throws ServeError `file-unknown`
 */
export async function checkModels(models: readonly NamedModel[], library: Library, where: string): Promise<void> {
  for (const { kind, name, size } of models) {
    const path = await modelOf({ path: name }, kind, library)
    const what = `the ${RECIPE_FILE_NAMES[kind]} ${JSON.stringify(name.slice(0, 200))}`
    if (path === null) {
      throw new ServeError("file-unknown", `${what} is not on ${where}. Put it into a folder of its --models_dir.`)
    }
    const own = await sizeOf(path)
    if (own !== size) {
      throw new ServeError(
        "file-unknown",
        `${what} has ${own ?? "no"} bytes on ${where}, expected ${size} as on the server. Give both the same file.`,
      )
    }
  }
}

interface UsedFile {
  readonly file: FileReference
  readonly kind: RecipeFileKind
}

function filesOf(recipes: readonly RecipeInput[]): readonly UsedFile[] {
  const files: UsedFile[] = []
  for (const recipe of recipes) {
    withFiles(recipe, (file, kind) => {
      files.push({ file, kind })
      return file
    })
  }
  return files
}

function isPicture(kind: RecipeFileKind): kind is Exclude<RecipeFileKind, ModelKind> {
  return kind === "picture" || kind === "start" || kind === "mask"
}

function keyOf({ path, sha256 = "" }: FileReference, kind: RecipeFileKind): string {
  return isPicture(kind) ? `picture ${sha256} ${path}` : `${kind} ${path}`
}

async function modelOf({ path }: FileReference, kind: ModelKind, library: Library): Promise<string | null> {
  if (kind === "checkpoint" && path === TINY) return TINY
  return findModel(await library.list(kind), path)?.path ?? null
}

/** Null: there is no such file. */
async function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    ({ size }) => size,
    () => null,
  )
}

function hashOf({ path, sha256 }: FileReference, inputs: Places["inputs"]): string | null {
  const [, named] = /^sha256:([0-9a-f]{64})$/.exec(path) ?? []
  return sha256 ?? named ?? inputs.names.get(path) ?? null
}

async function pictureOf(
  file: FileReference,
  contents: Places["contents"],
  inputs: Places["inputs"],
): Promise<string | null> {
  const hash = hashOf(file, inputs)
  return hash === null ? null : contents.find(hash)
}

function missingText({ path, sha256 }: FileReference, kind: RecipeFileKind): string {
  const name = JSON.stringify(path.slice(0, 200))
  if (isPicture(kind)) {
    const hash = sha256 === undefined ? "" : ` (sha256 ${sha256})`
    return `the ${RECIPE_FILE_NAMES[kind]} ${name}${hash} is not on the server. Upload it, and name it by its sha256`
  }
  return `the ${RECIPE_FILE_NAMES[kind]} ${name} is not in a folder of the server. GET /v1/models lists what is there`
}
