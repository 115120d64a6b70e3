import type { SamplerName } from "@lllite/core/names"
import type { Recipe, StagesInput } from "@lllite/core/recipe"
import { createRecipe, firstStageRecipe } from "@lllite/core/recipe"
import { computed, signal } from "@preact/signals"
import { adapterRecipe, controls } from "../controls/control-state.ts"
import { loraRecipe, loras } from "../loras/lora-state.ts"
import { type ModelFacts, modelFacts, TINY_FACTS } from "../models/model-facts.ts"
import { start, startRecipe } from "../start/start-state.ts"

/** The settings of the page's form, with which it opens. */
export const FIRST_RECIPE = withBest(
  createRecipe({ prompt: "a green heart", seed: 7, width: 128, height: 128, model: { checkpoint: { path: "tiny" } } }),
  TINY_FACTS,
)

/** Everything of the next picture but its model, its start, its LoRAs and its controls. */
export const draft = signal<Recipe>(FIRST_RECIPE)

/** The recipe of the next picture. */
export const recipe = computed<Recipe>(() => {
  const { value: settings } = draft
  const { path, sha256, vae } = modelFacts.value
  return createRecipe({
    ...settings,
    model: {
      checkpoint: { path, ...(sha256 === null ? {} : { sha256 }) },
      ...(vae === null ? {} : { vae: { path: vae } }),
    },
    start: start.value === null ? null : startRecipe(start.value),
    loras: loras.value.map(loraRecipe),
    adapters: controls.value.map((control) => adapterRecipe(control, settings.width)),
  })
})

/** `full` makes a picture as the settings say. `live` makes it in fewer steps, while drawing. */
export type Quality = "full" | "live"

/** Steps of a picture that is made while drawing. */
export const LIVE_STEPS = 4

/** The recipe that is drawn. A picture that is made while drawing has few steps, and one stage. */
export function recipeFor(quality: Quality, recipe: Recipe): Recipe {
  return quality === "full" ? recipe : { ...firstStageRecipe(recipe), steps: Math.min(LIVE_STEPS, recipe.steps) }
}

/** Changes settings of the form. */
export function changeRecipe(
  changes: Partial<Pick<Recipe, "prompt" | "negativePrompt" | "seed" | "steps" | "guidanceScale">>,
): void {
  const { hires } = draft.value
  // Both stages of a picture have the steps of the form.
  const { steps = hires?.steps } = changes
  draft.value = {
    ...draft.value,
    ...changes,
    ...(hires === null || steps === undefined ? {} : { hires: { ...hires, steps } }),
  }
}

/** Changes how a large picture is made. Null: at once. */
export function changeStages(changes: Pick<StagesInput, "hires" | "tiles">): void {
  draft.value = createRecipe({ ...draft.value, ...changes })
}

/** Chooses a sampler and its spacing. */
export function chooseSampler(sampler: SamplerName): void {
  draft.value = withSampler(draft.value, sampler)
}

/** The recipe with another sampler, the spacing of that sampler, and none of the options of the former one. */
export function withSampler({ spacing: _, samplerOptions: __, ...rest }: Recipe, sampler: SamplerName): Recipe {
  return createRecipe({ ...rest, sampler })
}

/** The recipe in another size. @param side in pixels */
export function withSide({ size: _, negativeSize: __, ...rest }: Recipe, side: number): Recipe {
  return createRecipe({ ...rest, width: side, height: side })
}

/** The recipe with the size and the settings that a model draws best with. */
export function withBest(recipe: Recipe, { best }: Pick<ModelFacts, "best">): Recipe {
  const { side, steps, guidanceScale } = best
  return { ...withSide(recipe, side), steps, guidanceScale }
}
