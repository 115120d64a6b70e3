import type { SamplerName } from "@lllite/core/names"
import type { AdapterRecipe, Recipe, RecipeInput } from "@lllite/core/recipe"
import { createRecipe } from "@lllite/core/recipe"

/** A recipe of this page. It has one LLLite. */
export interface SteerRecipe extends Recipe {
  readonly adapters: readonly [AdapterRecipe]
}

/**
 * Fills in the fields that a recipe of this page leaves out.
 *
 * @throws CoreError that names a wrong field, or when the number of adapters is not one
 */
export function steerRecipe(input: RecipeInput): SteerRecipe {
  const recipe = createRecipe(input)
  const [adapter, ...others] = recipe.adapters
  if (adapter === undefined || others.length > 0) {
    throw new Error(
      `recipe: it has ${recipe.adapters.length} adapters, expected one. This page steers with one LLLite.`,
    )
  }
  return { ...recipe, adapters: [adapter] }
}

/** The recipe with another sampler and the spacing of that sampler. */
export function withSampler(
  { spacing: _, samplerOptions: __, ...recipe }: SteerRecipe,
  sampler: SamplerName,
): SteerRecipe {
  return steerRecipe({ ...recipe, sampler })
}

/** The recipe with other settings of its LLLite. */
export function withAdapter(recipe: SteerRecipe, changes: Partial<AdapterRecipe>): SteerRecipe {
  const [adapter] = recipe.adapters
  return { ...recipe, adapters: [{ ...adapter, ...changes }] }
}
