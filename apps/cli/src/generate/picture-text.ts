import { recipeText } from "@lllite/core/recipe"
import type { PngText } from "@lllite/runtime-node"
import type { PlannedPicture } from "./plan-pictures.ts"

/**
 * The text of a picture: its recipe, and what sd-scripts keeps beside it. `raw-prompt` is the prompt as it was written,
 * before its options and groups are followed. `clip-prompt` is the option --c of its line.
 *
 * @param isForComfyUi whether ComfyUI can load the adapters. Else no workflow is written
 */
export function pictureText(
  { recipe, written, clipPrompt }: Pick<PlannedPicture, "recipe" | "written" | "clipPrompt">,
  isForComfyUi: boolean,
): PngText {
  return new Map([
    ...recipeText(recipe, { workflow: isForComfyUi }),
    ...(written.trim() === recipe.prompt ? [] : [["raw-prompt", written] as const]),
    ...(clipPrompt === null ? [] : [["clip-prompt", clipPrompt] as const]),
  ])
}
