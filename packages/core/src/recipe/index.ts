/**
 * Recipes: everything that determines a picture, as plain JSON. The functions make, check, write and read them. Nothing
 * here loads TensorFlow.js.
 *
 * @module
 * @experimental
 */
export { COMBINATIONS, type Combination } from "../generation/defaults.ts"
export { type LoraTag, type TaggedPrompt, takeLoraTags } from "../prompt/lora-tags.ts"
export { jsonSeed } from "../random/seed.ts"
export {
  type ApiWorkflow,
  NODE_TYPES,
  type NodeTypeName,
  parseWorkflow,
  readWorkflow,
  type UiWorkflow,
  type WorkflowOptions,
  type WorkflowPictures,
  type WrittenWorkflow,
  writeWorkflow,
} from "../workflow/index.ts"
export { type A1111Parts, a1111Parts, a1111Text } from "./a1111-text.ts"
export { type FileReference, TINY } from "./file-reference.ts"
export { nameOnly, RECIPE_FILE_NAMES, type RecipeFileKind, shareableRecipe, withFiles } from "./files.ts"
export { type PictureText, readPictureText, type TextProgram } from "./picture-text.ts"
export { readRecipeText, recipeText } from "./png-text.ts"
export { createRecipe, readRecipe } from "./read-recipe.ts"
export {
  ADAPTER_KINDS,
  type AdapterInput,
  type AdapterRecipe,
  type ControlReference,
  type HoleReference,
  type LoraInput,
  type LoraReference,
  type MaskReference,
  type ModelReference,
  type PartInput,
  type PartRecipe,
  RECIPE_VERSION,
  type Recipe,
  type RecipeInput,
  type RegionsReference,
  type TextualInversionReference,
  type WindowRecipe,
} from "./recipe.ts"
export {
  adapterOptions,
  controlNetOptions,
  loraOptions,
  type RecipeOptions,
  type RecipeRequest,
  recipeOf,
  recipeSeed,
  requestOf,
} from "./request.ts"
export {
  firstStageRecipe,
  type StagesInput,
  type StagesRecipe,
  type StartInput,
  type StartRecipe,
  startOptions,
} from "./start-recipe.ts"
