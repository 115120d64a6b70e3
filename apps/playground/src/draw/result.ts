import type { RgbImage } from "@lllite/core/image"
import type { Recipe } from "@lllite/core/recipe"
import { computed, signal } from "@preact/signals"
import type { NamedPicture } from "../controls/control-state.ts"
import { controls } from "../controls/control-state.ts"
import { start } from "../start/start-state.ts"
import { type Quality, recipe, recipeFor } from "./recipe-state.ts"
import { drawing } from "./sheet-state.ts"

/** What a picture follows from: settings, the drawing, pictures of controls that do not follow it, and the start. */
export interface Origin {
  readonly recipe: Recipe
  readonly drawing: RgbImage
  /** By the index of the adapter in the recipe. Null: it follows the drawing. */
  readonly pictures: readonly (NamedPicture | null)[]
  /** Null: it starts from noise. */
  readonly start: { readonly image: RgbImage; readonly mask: RgbImage | null } | null
}

/** A picture with what it follows from. */
export interface Result extends Origin {
  readonly image: RgbImage
  /** The same without controls. Null: it was not made. */
  readonly plain: RgbImage | null
  readonly quality: Quality
  /** How long it took. Null: it is an estimate of a step before the last. */
  readonly seconds: number | null
  /** Its name on the shelf. Null: it is not kept. */
  readonly id: string | null
}

/** The picture that is shown. */
export const result = signal<Result | null>(null)

/** What the next picture follows from. */
export const origin = computed<Origin>(() => ({
  recipe: recipe.value,
  drawing: drawing.value,
  pictures: controls.value.map(({ picture }) => picture),
  start: start.value === null ? null : { image: start.value.picture.image, mask: start.value.mask },
}))

/** Whether the shown picture was made with other settings, or another drawing, than those that are set now. */
export const isOutdated = computed(() => {
  const { value } = result
  if (value === null || value.seconds === null) return false
  return !isSameOrigin(value, { ...origin.value, recipe: recipeFor(value.quality, origin.value.recipe) })
})

/** Whether two pictures follow from the same. */
export function isSameOrigin(a: Origin, b: Origin): boolean {
  return (
    isSameRecipe(a.recipe, b.recipe) &&
    isSameImage(a.drawing, b.drawing) &&
    isSameStart(a.start, b.start) &&
    a.pictures.length === b.pictures.length &&
    a.pictures.every((picture, i) => {
      const other = b.pictures[i] ?? null
      return picture === null || other === null ? picture === other : isSameImage(picture.image, other.image)
    })
  )
}

/** A model without a hash is the one of its name: its file may not have been hashed yet. */
function isSameRecipe(a: Recipe, b: Recipe): boolean {
  const isHashed = a.model.checkpoint.sha256 !== undefined && b.model.checkpoint.sha256 !== undefined
  const textOf = ({ model, ...rest }: Recipe): string => {
    const { path } = model.checkpoint
    return JSON.stringify({ ...rest, model: isHashed ? model : { ...model, checkpoint: { path } } })
  }
  return textOf(a) === textOf(b)
}

function isSameStart(a: Origin["start"], b: Origin["start"]): boolean {
  // A picture that was kept by an earlier version of the page has no start.
  if (a == null || b == null) return (a ?? null) === (b ?? null)
  const isSameMask = a.mask === null || b.mask === null ? a.mask === b.mask : isSameImage(a.mask, b.mask)
  return isSameMask && isSameImage(a.image, b.image)
}

function isSameImage(a: RgbImage, b: RgbImage): boolean {
  return a === b || (a.data.length === b.data.length && a.data.every((value, i) => value === b.data[i]))
}
