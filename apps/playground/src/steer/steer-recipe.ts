import type { SamplerName } from "@lllite/core/names"
import type { AdapterRecipe, Recipe, RecipeInput } from "@lllite/core/recipe"
import { createRecipe } from "@lllite/core/recipe"

/** A recipe of this page, where one LLLite steers. */
export interface SteerRecipe extends Recipe {
  readonly adapters: readonly [AdapterRecipe]
}

/**
 * Fills in what a recipe of this page does not say.
 *
 * @throws CoreError naming the field that is wrong, or where there is not just one adapter
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

/** The recipe with another sampler, on that sampler's own spacing. */
export function withSampler(
  { spacing: _, samplerOptions: __, ...recipe }: SteerRecipe,
  sampler: SamplerName,
): SteerRecipe {
  return steerRecipe({ ...recipe, sampler })
}

/** The recipe with changes to how its LLLite is used. */
export function withAdapter(recipe: SteerRecipe, changes: Partial<AdapterRecipe>): SteerRecipe {
  const [adapter] = recipe.adapters
  return { ...recipe, adapters: [{ ...adapter, ...changes }] }
}
