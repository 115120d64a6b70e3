import { type Control, controls } from "../controls/control-state.ts"
import { lllites, type NamedLllite } from "../controls/lllites.ts"
import { draft } from "../draw/recipe-state.ts"
import type { Origin } from "../draw/result.ts"
import { drawing, replaceDrawing } from "../draw/sheet-state.ts"
import { pageRecipe } from "./page-recipe.ts"

/** What was done to the page, and how to take it back. */
export interface Restored {
  /** What is not taken, one sentence each. */
  readonly notices: readonly string[]
  readonly undo: () => void
}

/**
 * Sets what a picture follows from: its settings, its controls, and its drawing.
 *
 * @param from a drawing that is not known stays as it is
 */
export function restore(
  from: Pick<Origin, "recipe" | "pictures"> & { readonly drawing: Origin["drawing"] | null },
  known: readonly Pick<NamedLllite, "name" | "sha256">[] = lllites.value,
): Restored {
  const before = { draft: draft.value, controls: controls.value, drawing: drawing.value }
  const taken = pageRecipe(from.recipe, known)
  draft.value = taken.draft
  controls.value = taken.controls.map(
    ({ control, index }): Control => ({ ...control, picture: from.pictures[index] ?? null }),
  )
  if (from.drawing !== null) replaceDrawing(from.drawing)
  return {
    notices: taken.notices,
    undo: () => {
      draft.value = before.draft
      controls.value = before.controls
      if (from.drawing !== null) replaceDrawing(before.drawing)
    },
  }
}
