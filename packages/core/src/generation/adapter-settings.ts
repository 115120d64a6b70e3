import { CoreError } from "../errors.ts"
import type { RgbImage } from "../image.ts"
import type { Strength } from "../models/strength.ts"
import { isInRange, rangeText } from "../number-range.ts"
import { type BlockStrengths, checkBlockStrengths, factorsByBlock } from "./block-strengths.ts"
import { GENERATE_DEFAULTS, GENERATE_RANGES } from "./defaults.ts"
import { expectPictures } from "./expect-pictures.ts"
import type { Window } from "./window.ts"
import { checkWindow } from "./window.ts"

/** Where an adapter acts and how much, in numbers and pictures. All factors multiply. */
export interface AdapterSettings extends Window {
  /** The factor on what the adapter adds: a number, or a list with one for each picture. Default: 1. */
  readonly strength?: number | readonly number[]
  /** Factors by block of the U-Net. Default: 1 everywhere. */
  readonly blocks?: BlockStrengths
  /** The factor on the pass with the prompt. Default: 1. */
  readonly cond?: number
  /** The factor on the pass with the negative prompt. Default: 1. */
  readonly uncond?: number
  /**
   * Where in the picture the adapter acts: white is 1, black is 0, greys are between. One for all pictures, or one for
   * each. It has the pictures' size. Default: everywhere.
   */
  readonly mask?: RgbImage | readonly RgbImage[]
  /** The width of the mask's soft edge in pixels. Default: 0. */
  readonly maskFeather?: number
  /**
   * The hole that an LLLite for inpainting fills in: white is the hole, from half white on. Its control is hidden there.
   * One for all pictures, or one for each. It has the pictures' size. Other LLLites take none.
   */
  readonly hole?: RgbImage | readonly RgbImage[]
}

/** The settings of an adapter in code, whose strength may also be a function of the place. */
export interface AdapterControl extends Omit<AdapterSettings, "strength"> {
  readonly strength?: Strength | readonly number[]
}

/**
 * Checks the settings of an adapter.
 *
 * @param pictures the number of pictures, and their size
 * @throws CoreError that names the first wrong setting
 */
export function checkAdapterSettings(
  settings: AdapterControl,
  pictures: { readonly count: number; readonly width: number; readonly height: number },
): void {
  const { strength = GENERATE_DEFAULTS.strength, blocks = {}, cond = 1, uncond = 1, maskFeather = 0 } = settings
  const place = "generate: an adapter"
  const number = (name: string, value: unknown, range = GENERATE_RANGES.strength as { min: number }): void => {
    if (isInRange(value, range)) return
    throw new CoreError("option-range", `${place}: ${name} is ${String(value)}, expected ${rangeText(range)}`)
  }
  if (Array.isArray(strength)) {
    if (strength.length !== 1 && strength.length !== pictures.count) {
      throw new CoreError(
        "row-count",
        `${place}: ${strength.length} strengths for ${pictures.count} pictures, expected 1 or ${pictures.count}`,
      )
    }
    for (const [i, one] of strength.entries()) number(`strength[${i}]`, one)
  } else if (typeof strength !== "function") number("strength", strength)
  checkWindow(place, settings)
  checkBlockStrengths(place, blocks)
  number("cond", cond)
  number("uncond", uncond)
  number("maskFeather", maskFeather, GENERATE_RANGES.feather)
  checkMasks(place, "mask", settings.mask, pictures)
  checkMasks(place, "hole", settings.hole, pictures)
}

/** @throws CoreError for another number or size of masks */
export function checkMasks(
  place: string,
  what: "mask" | "hole",
  mask: AdapterSettings["mask"],
  pictures: { readonly count: number; readonly width: number; readonly height: number },
): void {
  if (mask !== undefined) expectPictures(mask, `a ${what}`)
  const masks = mask === undefined ? [] : "data" in mask ? [mask] : mask
  if (mask !== undefined && masks.length !== 1 && masks.length !== pictures.count) {
    throw new CoreError(
      "control-count",
      `${place}: ${masks.length} ${what}s for ${pictures.count} pictures, expected 1 or ${pictures.count}`,
    )
  }
  for (const { width, height } of masks) {
    if (width === pictures.width && height === pictures.height) continue
    throw new CoreError(
      "control-size",
      `${place}: a ${what} is ${width}×${height} px, the picture ${pictures.width}×${pictures.height}. Resize the ${what}.`,
    )
  }
}

/**
 * The strength of an adapter in one pass, without its mask.
 *
 * @param window the factor of its window at the pass
 * @returns a number where all layers and rows have the same
 */
export function strengthAt(
  { strength = GENERATE_DEFAULTS.strength, blocks, cond = 1, uncond = 1 }: AdapterControl,
  window: number,
): Strength {
  const byBlock = blocks === undefined ? null : factorsByBlock("generate: an adapter", blocks)
  if (typeof strength === "number" && byBlock === null && cond === uncond) return strength * window * cond
  const own = (place: Parameters<Exclude<Strength, number>>[0]): number =>
    typeof strength === "number"
      ? strength
      : typeof strength === "function"
        ? strength(place)
        : (strength[strength.length === 1 ? 0 : place.row.picture] ?? GENERATE_DEFAULTS.strength)
  return (place) =>
    own(place) * window * (byBlock?.get(place.layer.block) ?? 1) * (place.row.guidance === "cond" ? cond : uncond)
}
