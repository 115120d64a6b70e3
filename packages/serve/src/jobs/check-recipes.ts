import { randomInt } from "node:crypto"
import type { RecipeInput } from "@lllite/core/recipe"
import { createRecipe, RECIPE_VERSION, readRecipe } from "@lllite/core/recipe"
import { ServeError } from "../errors.ts"
import type { Limits } from "../limits.ts"

/** Random seeds are short, so that they can be typed. */
const RANDOM_SEEDS = 2 ** 32

/**
 * The recipes of a request, checked. A missing seed is drawn, so that a job that runs again makes the same picture.
 *
 * @throws CoreError that names the wrong field; ServeError `limit`
 */
export function checkRecipes(recipes: readonly object[], limits: Limits): readonly RecipeInput[] {
  if (recipes.length > limits.pictures) {
    throw tooMuch(`the job asks for ${recipes.length} pictures`, limits.pictures, "--max_pictures")
  }
  return recipes.map((recipe) => {
    const seed = "seed" in recipe ? recipe.seed : randomInt(RANDOM_SEEDS)
    return checkSize(readRecipe({ version: RECIPE_VERSION, ...recipe, seed }), limits)
  })
}

/** The same for recipes that a program has made. @throws CoreError, ServeError `limit` */
export function checkMadeRecipes(recipes: readonly RecipeInput[], limits: Limits): readonly RecipeInput[] {
  return checkRecipes(
    recipes.map((recipe) => createRecipe(recipe)),
    limits,
  )
}

function checkSize(recipe: ReturnType<typeof readRecipe>, limits: Limits): RecipeInput {
  const { width, height, hires } = recipe
  const steps = recipe.steps + (hires?.steps ?? 0)
  if (width * height > limits.pixels) {
    throw tooMuch(`a picture has ${width} × ${height} pixels`, limits.pixels, "--max_pixels")
  }
  if (steps > limits.steps) throw tooMuch(`a picture has ${steps} steps`, limits.steps, "--max_steps")
  return recipe
}

function tooMuch(what: string, limit: number, option: string): ServeError {
  return new ServeError("limit", `${what}, expected at most ${limit}. Ask for less, or raise ${option}.`)
}
