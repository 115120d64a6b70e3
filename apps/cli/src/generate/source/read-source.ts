import { CoreError } from "@lllite/core"
import type { RecipeInput, TextProgram, WorkflowOptions } from "@lllite/core/recipe"
import { parseWorkflow, readPictureText, readWorkflow } from "@lllite/core/recipe"
import { InputError, readImageSize, readPngText, readTextFile } from "@lllite/runtime-node"
import type { ModelFolders } from "./model-folders.ts"

/** What the text of a picture says. */
export interface PictureSource extends RecipeSource {
  /** The program that wrote it. */
  readonly program: TextProgram
}

/** Recipes of a workflow or of a picture. */
export interface RecipeSource {
  readonly recipes: readonly RecipeInput[]
  /** The beginning of each picture's file name, where a workflow has one. */
  readonly prefixes?: readonly (string | null)[]
  /** What is not followed, one sentence each. */
  readonly notices: readonly string[]
  /** Whether groups such as {a|b} are drawn in its prompts, as ComfyUI's page does. */
  readonly hasGroups: boolean
  /** Whether <lora:NAME> in its prompts names a LoRA. */
  readonly hasTags: boolean
}

/**
 * Reads a workflow of ComfyUI: a file of JSON, or a PNG that holds one.
 *
 * @throws InputError when it cannot be read or holds none; CoreError when it cannot be followed
 */
export async function readWorkflowFile(path: string, folders: ModelFolders): Promise<RecipeSource> {
  if (!isPng(path)) {
    const json = await readTextFile(path)
    return inFile(path, () => workflowOf(json, folders))
  }
  const text = await readPngText(path)
  // The server's form has what was run. The page's form may have random values.
  // "prompt" is plain text in pictures of other programs.
  const found = [text.get("prompt"), text.get("workflow")].find((each) => each?.trimStart().startsWith("{"))
  if (found !== undefined) return inFile(path, () => workflowOf(found, folders))
  throw new InputError("not-a-picture", `"${path}" holds no workflow of ComfyUI. Its text may have been removed.`)
}

/**
 * Reads how a picture was made, out of its text.
 *
 * @throws InputError when it is not a PNG; CoreError when its text has no settings
 */
export async function readPictureFile(path: string, folders: ModelFolders): Promise<PictureSource> {
  if (/\.json$/i.test(path)) {
    throw new InputError("not-a-picture", `"${path}" is not a PNG. Give a workflow of ComfyUI with --workflow.`)
  }
  const [text, size] = [await readPngText(path), await readImageSize(path)]
  const { program, recipes, notices } = await inFile(path, () =>
    withSizes(folders, (sizeOf) => readPictureText(text, size, { sizeOf })),
  )
  const isWebui = program === "a1111"
  const hasGroups = program === "comfyui" && text.get("prompt")?.trimStart().startsWith("{") !== true
  return { program, recipes, notices, hasGroups, hasTags: isWebui }
}

/** Names the file in an error about its contents. */
async function inFile<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause
    throw new CoreError(cause.code, `"${path}": ${cause.message}`, { cause })
  }
}

async function workflowOf(text: string, folders: ModelFolders): Promise<RecipeSource> {
  const json = parseWorkflow(text)
  const read = await withSizes(folders, (sizeOf) => readWorkflow(json, { sizeOf }))
  return { ...read, hasTags: false, hasGroups: typeof json === "object" && json !== null && "nodes" in json }
}

type SizeOf = NonNullable<WorkflowOptions["sizeOf"]>

/** Reads with the sizes of pictures, which are looked up when the reading has asked for them. */
async function withSizes<T>(folders: ModelFolders, read: (sizeOf: SizeOf) => T): Promise<T> {
  const sizes = new Map<string, ReturnType<SizeOf>>()
  for (;;) {
    const wanted = new Set<string>()
    const sizeOf: SizeOf = (name) => {
      if (!sizes.has(name)) wanted.add(name)
      return sizes.get(name) ?? null
    }
    try {
      const result = read(sizeOf)
      if (wanted.size === 0) return result
    } catch (error) {
      if (wanted.size === 0) throw error
    }
    for (const name of wanted) {
      const path = folders.find(name, "picture")
      sizes.set(name, path === null ? null : await readImageSize(path))
    }
  }
}

function isPng(path: string): boolean {
  return /\.png$/i.test(path)
}
