import type { RgbImage } from "@lllite/core/image"
import type { StartInput } from "@lllite/core/recipe"
import { signal } from "@preact/signals"
import type { NamedPicture } from "../controls/control-state.ts"

/** What the next picture starts from, instead of noise alone. */
export interface StartUse {
  readonly picture: NamedPicture
  /** White changes, and black stays. Null: everything changes. */
  readonly mask: RgbImage | null
  /** The part of the steps that runs. */
  readonly strength: number
}

/** Null: the next picture starts from noise. */
export const start = signal<StartUse | null>(null)

/** The name of the mask in recipes. */
export const MASK = "mask"
/** How much a start picture changes at first. */
export const FIRST_STRENGTH = 0.6

/** Starts the next picture from another one. */
export function startFrom(picture: NamedPicture): void {
  start.value = { picture, mask: null, strength: start.value?.strength ?? FIRST_STRENGTH }
}

/** A start as the SDK's recipes have it. */
export function startRecipe({ picture, mask, strength }: StartUse): StartInput {
  return { image: { path: picture.name }, mask: mask === null ? null : { path: MASK }, strength }
}
