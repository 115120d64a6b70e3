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
  readonly contents: Contents
  readonly inputs: InputPictures
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
export function pictureHashes(recipes: readonly RecipeInput[], inputs: InputPictures): readonly string[] {
  return filesOf(recipes).flatMap(({ file, kind }) => (isPicture(kind) ? (hashOf(file, inputs) ?? []) : []))
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

function hashOf({ path, sha256 }: FileReference, inputs: InputPictures): string | null {
  const [, named] = /^sha256:([0-9a-f]{64})$/.exec(path) ?? []
  return sha256 ?? named ?? inputs.names.get(path) ?? null
}

async function pictureOf(file: FileReference, contents: Contents, inputs: InputPictures): Promise<string | null> {
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
