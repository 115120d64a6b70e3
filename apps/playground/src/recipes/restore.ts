import { type Control, controls } from "../controls/control-state.ts"
import { networks } from "../controls/networks.ts"
import { draft } from "../draw/recipe-state.ts"
import type { Origin } from "../draw/result.ts"
import { drawing, replaceDrawing } from "../draw/sheet-state.ts"
import { type Sentence, sentence } from "../language/sentence.ts"
import { loras } from "../loras/lora-state.ts"
import { modelFacts } from "../models/model-facts.ts"
import { start } from "../start/start-state.ts"
import { type KnownNetwork, pageRecipe } from "./page-recipe.ts"

/** What was done to the page, and how to take it back. */
export interface Restored {
  /** What is not taken, one sentence each. */
  readonly notices: readonly Sentence[]
  readonly undo: () => void
}

/**
 * Sets what a picture follows from: its settings, its controls, and its drawing.
 *
 * @param from a drawing that is not known stays as it is
 */
export function restore(
  from: Omit<Origin, "drawing"> & { readonly drawing: Origin["drawing"] | null },
  known: readonly KnownNetwork[] = networks.value,
): Restored {
  const before = {
    ...{ draft: draft.value, controls: controls.value, drawing: drawing.value },
    ...{ loras: loras.value, start: start.value },
  }
  const taken = pageRecipe(from.recipe, known, modelFacts.value)
  const { recipe } = from
  draft.value = taken.draft
  controls.value = taken.controls.map(
    ({ control, index }): Control => ({ ...control, picture: from.pictures[index] ?? null }),
  )
  loras.value = taken.loras
  // A link holds no pictures, and another program's file has none.
  const isStartThere = recipe.start !== null && from.start != null
  start.value = isStartThere
    ? {
        picture: { name: recipe.start.image.path, image: from.start.image },
        ...{ mask: from.start.mask, strength: recipe.start.strength },
      }
    : null
  if (from.drawing !== null) replaceDrawing(from.drawing)
  return {
    notices: [
      ...taken.notices,
      ...(recipe.start === null || isStartThere ? [] : [sentence("pictures", "startMissing")]),
    ],
    undo: () => {
      draft.value = before.draft
      controls.value = before.controls
      loras.value = before.loras
      start.value = before.start
      if (from.drawing !== null) replaceDrawing(before.drawing)
    },
  }
}
