import { checkArgument, checkArguments } from "../argument.ts"
import type { WorkflowOptions } from "../workflow/index.ts"
import { parseWorkflow, readWorkflow } from "../workflow/index.ts"
import { readA1111Text } from "./a1111-text.ts"
import { readRecipeText } from "./png-text.ts"
import type { RecipeInput } from "./recipe.ts"

/** The program whose words the text of a picture has. */
export type TextProgram = "lllite" | "comfyui" | "a1111" | "sd-scripts"

/** What the text of a picture says of how it was made. */
export interface PictureText {
  readonly program: TextProgram
  /** One, and of a workflow one for each picture that it makes. */
  readonly recipes: readonly RecipeInput[]
  /** The beginning of each picture's file name, where a workflow has one. */
  readonly prefixes?: readonly (string | null)[]
  /** What is not followed, one sentence each. */
  readonly notices: readonly string[]
}

/**
 * Reads how a picture was made, out of the text that LLLite, ComfyUI, stable-diffusion-webui or sd-scripts writes. If the
 * text has several, LLLite's own wins, and then ComfyUI's.
 *
 * @param picture size of the picture in pixels, which the text may lack
 * @throws CoreError if the text has no settings, or for one that is wrong or cannot be followed
 */
export function readPictureText(
  text: ReadonlyMap<string, string>,
  picture: { readonly width: number; readonly height: number },
  options: WorkflowOptions = {},
): PictureText {
  checkArgument("recipe: the text", text, "a Map")
  checkArgument("recipe: the picture", picture, "an object")
  checkArguments("recipe: the picture", "a finite number", { width: picture.width, height: picture.height })
  const [prompt, workflow, parameters] = ["prompt", "workflow", "parameters"].map((keyword) => text.get(keyword))
  if (text.has("lllite-recipe")) return { program: "lllite", recipes: [readRecipeText(text, picture)], notices: [] }
  // What the server ran comes before the page's form, in which values may be random.
  const found = [prompt, workflow].find((each) => each?.trimStart().startsWith("{"))
  if (found !== undefined) return { program: "comfyui", ...readWorkflow(parseWorkflow(found), options) }
  if (parameters !== undefined) {
    const { recipe, notices } = readA1111Text(parameters)
    return { program: "a1111", recipes: [recipe], notices }
  }
  return { program: "sd-scripts", recipes: [readRecipeText(text, picture)], notices: [] }
}
