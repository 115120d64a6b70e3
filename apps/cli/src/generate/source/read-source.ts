import type { RecipeInput } from "@lllite/core/recipe"
import { parseWorkflow, readPictureText, readWorkflow } from "@lllite/core/recipe"
import { InputError, readImageSize, readPngText, readTextFile } from "@lllite/runtime-node"

/** Recipes of a workflow or of a picture. */
export interface RecipeSource {
  readonly recipes: readonly RecipeInput[]
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
export async function readWorkflowFile(path: string): Promise<RecipeSource> {
  if (!isPng(path)) return workflowOf(await readTextFile(path))
  const text = await readPngText(path)
  // The server's form has what was run. The page's form may have random values.
  const found = text.get("prompt") ?? text.get("workflow")
  if (found?.trimStart().startsWith("{") === true) return workflowOf(found)
  throw new InputError("not-a-picture", `"${path}" holds no workflow of ComfyUI. Its text may have been removed.`)
}

/**
 * Reads how a picture was made, out of its text.
 *
 * @throws InputError when it is not a PNG; CoreError when its text has no settings
 */
export async function readPictureFile(path: string): Promise<RecipeSource> {
  const [text, size] = [await readPngText(path), await readImageSize(path)]
  const { program, recipes, notices } = readPictureText(text, size)
  const isWebui = program === "a1111"
  const hasGroups = program === "comfyui" && text.get("prompt")?.trimStart().startsWith("{") !== true
  return { recipes, notices, hasGroups, hasTags: isWebui }
}

function workflowOf(text: string): RecipeSource {
  const json = parseWorkflow(text)
  return {
    ...readWorkflow(json),
    hasTags: false,
    hasGroups: typeof json === "object" && json !== null && "nodes" in json,
  }
}

function isPng(path: string): boolean {
  return /\.png$/i.test(path)
}
