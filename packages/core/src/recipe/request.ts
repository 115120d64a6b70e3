import type { GenerateOptions, PictureRequest } from "../generation/request.ts"
import { createRecipe } from "./read-recipe.ts"
import type { AdapterInput, AdapterRecipe, Recipe, RecipeInput } from "./recipe.ts"

/** Options of `generate` from a recipe. Adapters are not among them, because they have to be loaded first. */
export type RecipeOptions = Required<Omit<GenerateOptions, "adapters" | "vaeSlices" | "signal" | "pause">>

/** A request to a runtime. */
export interface RecipeRequest {
  readonly request: Required<PictureRequest>
  readonly options: RecipeOptions
}

/** A recipe as a request for one picture, without its adapters. `adapterOptions` gives the options of each adapter. */
export function requestOf(recipe: Recipe): RecipeRequest {
  const { prompt, negativePrompt, seed, width, height, steps, guidanceScale } = recipe
  const { sampler, spacing, samplerOptions, combine, size, noise, prompts } = recipe
  return {
    request: { prompt, negativePrompt, seed },
    options: { width, height, steps, guidanceScale, sampler, spacing, samplerOptions, combine, size, noise, prompts },
  }
}

/** The options of a recipe's adapter, for a runtime that has loaded it. */
export function adapterOptions({ strength, window: { start, end } }: Pick<AdapterRecipe, "strength" | "window">): {
  readonly strength: number
  readonly start: number
  readonly end: number
} {
  return { strength, start, end }
}

/**
 * The recipe of a request for one picture, with its files.
 *
 * @throws CoreError that names the path of the wrong field
 */
export function recipeOf(
  request: PictureRequest,
  options: Omit<GenerateOptions, "adapters" | "vaeSlices" | "signal" | "pause">,
  files: { readonly model: RecipeInput["model"]; readonly adapters?: readonly AdapterInput[] },
): Recipe {
  return createRecipe({ ...request, ...options, ...files })
}
