import type { ControlPreparation, Preprocessing, RgbImage } from "@lllite/core/image"
import { controlPicture, PREPROCESSOR_NAMES } from "@lllite/core/image"
import { cannyThresholds } from "@lllite/tiny"

/** What the tiny SDXL's LLLite was trained on: edges as `edgesOf` finds them. */
const TINY_EDGES: Preprocessing = { kind: "canny", options: { ...cannyThresholds, grey: true } }

/** The kinds of control pictures. `none` is the picture itself. */
export const CONTROL_KINDS = [...PREPROCESSOR_NAMES, "none"] as const
export type ControlKind = (typeof CONTROL_KINDS)[number]

/** The kind of a name. Null if there is none. */
export function controlKindOf(name: string): ControlKind | null {
  return CONTROL_KINDS.find((kind) => kind === name) ?? null
}

/** How a kind of control is made of a picture of this page, whose longer side has `side` pixels. */
export function preparationOf(kind: ControlKind, side: number): ControlPreparation {
  if (kind === "none") return {}
  // A picture of this size has two squares of colour on each side.
  const options = kind === "color_grid" ? { resolution: side } : {}
  return { preprocess: kind === "canny" ? TINY_EDGES : { kind, options } }
}

/** The control of a picture. It has the picture's size. */
export function madeControl(image: RgbImage, kind: ControlKind): RgbImage {
  return controlPicture(image, image, preparationOf(kind, Math.max(image.width, image.height)))
}
