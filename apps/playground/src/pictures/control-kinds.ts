import type { ControlPreparation, RgbImage } from "@lllite/core/image"
import { controlPicture, PREPROCESSOR_NAMES } from "@lllite/core/image"
import { cannyThresholds } from "@lllite/tiny"

/** Gradients above `low` continue an edge, and those above `high` start one. */
export interface CannyThresholds {
  readonly low: number
  readonly high: number
}

/** The kinds of control pictures. `none` is the picture itself. */
export const CONTROL_KINDS = [...PREPROCESSOR_NAMES, "none"] as const
export type ControlKind = (typeof CONTROL_KINDS)[number]

/** The kind of a name. Null if there is none. */
export function controlKindOf(name: string): ControlKind | null {
  return CONTROL_KINDS.find((kind) => kind === name) ?? null
}

/**
 * How a kind of control is made of a picture of this page, whose longer side has `side` pixels.
 *
 * @param thresholds of `canny`. Default: those of the tiny SDXL's LLLite
 */
export function preparationOf(
  kind: ControlKind,
  side: number,
  { low, high }: CannyThresholds = cannyThresholds,
): ControlPreparation {
  if (kind === "none") return {}
  // The tiny SDXL's LLLite was trained on edges of the luma.
  if (kind === "canny") return { preprocess: { kind, options: { low, high, grey: true } } }
  // A picture of this size has two squares of colour on each side.
  const options = kind === "color_grid" ? { resolution: side } : {}
  return { preprocess: { kind, options } }
}

/** The control of a picture. It has the picture's size. */
export function madeControl(image: RgbImage, kind: ControlKind): RgbImage {
  return controlPicture(image, image, preparationOf(kind, Math.max(image.width, image.height)))
}
