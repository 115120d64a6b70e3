import type { GenerateOptions, PictureRequest } from "../generation/request.ts"
import { createRecipe } from "./read-recipe.ts"
import type { AdapterInput, AdapterRecipe, Recipe, RecipeInput } from "./recipe.ts"

/** Options of `generate` that a recipe says; adapters have to be loaded first. */
export type RecipeOptions = Required<Omit<GenerateOptions, "adapters" | "vaeSlices" | "signal" | "pause">>

/** What a runtime is asked for. */
export interface RecipeRequest {
  readonly request: Required<PictureRequest>
  readonly options: RecipeOptions
}

/** A recipe as a request for one picture, without its adapters. See `adapterOptions` for how each is used. */
export function requestOf(recipe: Recipe): RecipeRequest {
  const { prompt, negativePrompt, seed, width, height, steps, guidanceScale } = recipe
  const { sampler, spacing, samplerOptions, combine, size, noise } = recipe
  return {
    request: { prompt, negativePrompt, seed },
    options: { width, height, steps, guidanceScale, sampler, spacing, samplerOptions, combine, size, noise },
  }
}

/** How an adapter of a recipe is used, for a runtime that has loaded it. */
export function adapterOptions({ strength, window: { start, end } }: Pick<AdapterRecipe, "strength" | "window">): {
  readonly strength: number
  readonly start: number
  readonly end: number
} {
  return { strength, start, end }
}

/**
 * The recipe of a request for one picture, with the files that it was made from.
 *
 * @throws CoreError naming the field that is wrong, by its path
 */
export function recipeOf(
  request: PictureRequest,
  options: Omit<GenerateOptions, "adapters" | "vaeSlices" | "signal" | "pause">,
  files: { readonly model: RecipeInput["model"]; readonly adapters?: readonly AdapterInput[] },
): Recipe {
  return createRecipe({ ...request, ...options, ...files })
}
