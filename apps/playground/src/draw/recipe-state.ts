import type { SamplerName } from "@lllite/core/names"
import type { Recipe } from "@lllite/core/recipe"
import { createRecipe } from "@lllite/core/recipe"
import { computed, signal } from "@preact/signals"
import { adapterRecipe, controls } from "../controls/control-state.ts"
import { SIZE } from "../pictures/canvas-image.ts"

/** The settings of the page's form, with which it opens. */
export const FIRST_RECIPE = createRecipe({
  ...{ prompt: "a green heart", seed: 7, width: SIZE, height: SIZE, steps: 8, guidanceScale: 1.5 },
  model: { checkpoint: { path: "tiny" } },
})

/** Everything of the next picture but its controls. */
export const draft = signal<Recipe>(FIRST_RECIPE)

/** The recipe of the next picture. */
export const recipe = computed<Recipe>(() =>
  createRecipe({ ...draft.value, adapters: controls.value.map(adapterRecipe) }),
)

/** Changes settings of the form. */
export function changeRecipe(
  changes: Partial<Pick<Recipe, "prompt" | "negativePrompt" | "seed" | "steps" | "guidanceScale">>,
): void {
  draft.value = { ...draft.value, ...changes }
}

/** Chooses a sampler and its spacing. */
export function chooseSampler(sampler: SamplerName): void {
  draft.value = withSampler(draft.value, sampler)
}

/** The recipe with another sampler, the spacing of that sampler, and none of the options of the former one. */
export function withSampler({ spacing: _, samplerOptions: __, ...rest }: Recipe, sampler: SamplerName): Recipe {
  return createRecipe({ ...rest, sampler })
}
