import type { ControlPreparation, PreprocessorValues, RgbImage } from "@lllite/core/image"
import { controlPicture, PREPROCESSOR_NAMES, readPreprocessorValues } from "@lllite/core/image"
import { cannyThresholds } from "@lllite/tiny"

/** The kinds of control pictures. `none` is the picture itself. */
export const CONTROL_KINDS = [...PREPROCESSOR_NAMES, "none"] as const
export type ControlKind = (typeof CONTROL_KINDS)[number]

/** The kind of a name. Null if there is none. */
export function controlKindOf(name: string): ControlKind | null {
  return CONTROL_KINDS.find((kind) => kind === name) ?? null
}

/**
 * The options of a kind of control with which this page begins.
 *
 * @param side pixels of the longer side of the picture
 */
export function firstOptions(kind: ControlKind, side: number): PreprocessorValues {
  // The tiny SDXL's LLLite was trained on edges of the luma.
  if (kind === "canny") return { ...cannyThresholds, grey: true }
  // A picture of this size has two squares of colour on each side.
  return kind === "color_grid" ? { resolution: side } : {}
}

/**
 * How a kind of control is made of a picture of this page.
 *
 * @param side pixels of the longer side of the picture
 * @param options of the preprocessor. Default: those of this page
 */
export function preparationOf(
  kind: ControlKind,
  side: number,
  options: PreprocessorValues = firstOptions(kind, side),
): ControlPreparation {
  return kind === "none" ? {} : { preprocess: { kind, options: readPreprocessorValues(kind, options) } }
}

/** The control of a picture. It has the picture's size. */
export function madeControl(image: RgbImage, kind: ControlKind): RgbImage {
  return controlPicture(image, image, preparationOf(kind, Math.max(image.width, image.height)))
}
