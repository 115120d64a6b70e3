import type { RgbImage } from "@lllite/core/image"
import { applyGamma, shiftHue } from "@lllite/core/image"
import type { Augmentation, ExampleDraws } from "@lllite/core/training"

/** What a folder of pictures changes from step to step. */
export interface AugmentConfig {
  /** Mirrors a pair from left to right, with equal chances. */
  readonly flip: boolean
  /** Changes colours of the picture a little. */
  readonly colour: boolean
  /** Cuts pictures at a random place. */
  readonly randomCrop: boolean
  /** Shortest and longest side of a picture, as multiples of a face in it. Null: faces are not looked for. */
  readonly faceCrop: readonly [least: number, most: number] | null
}

/** A folder's pictures stay as they are. */
export const NO_AUGMENTATION: AugmentConfig = { flip: false, colour: false, randomCrop: false, faceCrop: null }

/** What can differ, as objects that all pictures share. */
const AUGMENTATIONS: readonly Augmentation[] = [false, true].flatMap((flips) =>
  [false, true].map((varies) => ({ flips, varies })),
)

/** @param doesCrop whether a crop of the picture differs from step to step */
export function augmentationOf({ flip, colour }: AugmentConfig, doesCrop: boolean): Augmentation {
  const varies = colour || doesCrop
  return AUGMENTATIONS.find((each) => each.flips === flip && each.varies === varies) ?? { flips: flip, varies }
}

/** The chance that colours change. Source: sd-scripts `AugHelper`. */
const COLOUR_CHANCE = 0.33
/** The most degrees that the hue turns: 8 of the 180 steps that OpenCV has for a circle. */
const MOST_DEGREES = 16
/** The most that the exponent differs from 1. */
const MOST_GAMMA = 0.05

/**
 * Changes the colours of one picture in three: half of those get a turn of the hue, and half a gamma curve.
 *
 * Source: sd-scripts `AugHelper.color_aug`, which replaced albumentations. It raises the values 0 to 255 themselves to
 * the power, which changes the brightness by up to 30 %. Here they are shares of white, as in albumentations.
 */
export function changeColours(image: RgbImage, draws: ExampleDraws): RgbImage {
  const [chance, kind, amount] = draws.uniform("colour", 3) as unknown as readonly [number, number, number]
  if (chance > COLOUR_CHANCE) return image
  const signed = 2 * amount - 1
  return kind > 0.5 ? shiftHue(image, MOST_DEGREES * signed) : applyGamma(image, 1 + MOST_GAMMA * signed)
}

/** A face in a picture, in pixels of its file. */
export interface Face {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/**
 * The face that the name of a picture ends with: `name_X_Y_WIDTH_HEIGHT`, the centre and the size. Null: there is none.
 *
 * Source: sd-scripts `load_image_with_face_info` and its tool `detect_face_rotate.py`.
 */
export function faceOf(stem: string): Face | null {
  const parts = stem.split("_")
  const numbers = parts.slice(-4).map((part) => (/^\d{1,6}$/.test(part) ? Number(part) : Number.NaN))
  const [x = 0, y = 0, width = 0, height = 0] = numbers
  // A centre at 0 says that no face was found.
  return parts.length >= 5 && numbers.every((each) => each > 0) ? { x, y, width, height } : null
}
