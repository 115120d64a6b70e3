import { checkArgument, checkOptions, type OptionKinds } from "../argument.ts"
import { MOST_STEPS } from "../diffusion/sigmas.ts"
import { CoreError } from "../errors.ts"
import type { GreyImage, RgbImage } from "../image.ts"
import { channelsOf } from "../image.ts"
import { unknownName } from "../nearest.ts"
import type { NumberRange } from "../number-range.ts"
import { checkRanges } from "../number-range.ts"
import { expectPictures } from "./expect-pictures.ts"

/** Programs whose start from a picture can be copied. */
export const START_COMPATS = ["sd-scripts"] as const

/**
 * What the masked part of a picture starts as:
 *
 * - `original`: as it is
 * - `fill`: the colours around it, see `fillMasked`
 * - `noise`: unit noise in the latents of `fill`
 * - `nothing`: zeros in the latents of `fill`
 * - `grey`: middle grey, as ComfyUI's VAE Encode (for Inpainting)
 *
 * Source: stable-diffusion-webui ("Masked content"), ComfyUI `nodes.py` (`VAEEncodeForInpaint`).
 */
export const MASKED_CONTENTS = ["original", "fill", "noise", "nothing", "grey"] as const
export type MaskedContent = (typeof MASKED_CONTENTS)[number]

/** Pictures to start from instead of noise alone: image to image, and with a mask inpainting. */
export interface StartPicture {
  /** One for each picture of the batch, or one for all. Another size is stretched by Lanczos. */
  readonly image: RgbImage | readonly RgbImage[]
  /**
   * Where the picture changes: 255 changes, 0 stays, and between for a soft edge. One for each picture, or one for all.
   * Another size is stretched. Default: everywhere.
   */
  readonly mask?: GreyImage | readonly GreyImage[] | null
  /** What the masked part starts as. It has no effect without a mask. Default: `original`. */
  readonly maskedContent?: MaskedContent
  /** The part of the steps that runs, 0 (the picture stays) to 1 (noise of the highest level). Default: 0.8. */
  readonly strength?: number
  /**
   * Copies sd-scripts: the loop begins one step below the noise, a mask keeps latents with the noise of the step that
   * ended, and PyTorch's noise follows the noise of all steps. Default: null, none of it.
   */
  readonly compat?: (typeof START_COMPATS)[number] | null
  /** The steps by which the loop begins below the noise. Default: 0, and 1 with `compat`. */
  readonly stepsOffset?: 0 | 1
}

/** Defaults of `StartPicture`. */
export const START_DEFAULTS = { strength: 0.8, compat: null, maskedContent: "original" } as const

/** Ranges of `StartPicture`. */
export const START_RANGES = { strength: { min: 0, max: 1 } } as const satisfies Readonly<Record<string, NumberRange>>

/** The part of a run from a picture. */
export interface StartSteps {
  /** The step at whose level the latents get noise. The number of steps stands for no noise. */
  readonly level: number
  /** The first step of the loop. The number of steps stands for no step. */
  readonly from: number
}

/**
 * The steps that run from a picture: the last `steps · strength`, rounded down. A strength above 0 runs at least one.
 *
 * Source: sd-scripts `gen_img.py`, diffusers' `get_timesteps`.
 */
export function startSteps(steps: number, start: Partial<StartPicture>): StartSteps {
  checkArgument("start: the start", start, "an object")
  checkRanges(
    "start",
    { steps, strength: start.strength },
    { ...START_RANGES, steps: { integer: true, min: 1, max: MOST_STEPS } },
  )
  const { strength = START_DEFAULTS.strength, compat = null, stepsOffset = compat === null ? 0 : 1 } = start
  checkArgument("start: compat", compat, "text or null")
  checkArgument("start: stepsOffset", stepsOffset, "a finite number")
  const least = compat === null && strength > 0 ? 1 : 0
  const level = steps - Math.min(steps, Math.max(least, Math.floor(steps * strength)) + stepsOffset)
  return { level, from: level + stepsOffset }
}

const KINDS: OptionKinds<StartPicture> = {
  image: "anything",
  mask: "anything or null",
  maskedContent: "text",
  strength: "a number",
  compat: "text or null",
  stepsOffset: "a number",
}

/** Checks a start against the number of pictures. @throws CoreError that names what is wrong */
export function checkStart(start: StartPicture, pictures: number): void {
  checkOptions("generate: start", start, KINDS, ["image"])
  checkRanges("generate: start", { strength: start.strength }, START_RANGES)
  checkStartRule("start", start)
  const { maskedContent = START_DEFAULTS.maskedContent } = start
  if (!MASKED_CONTENTS.includes(maskedContent)) {
    throw unknownName("generate: start", "masked content", String(maskedContent), MASKED_CONTENTS)
  }
  expectPictures(start.image, "a picture to start from")
  if (start.mask != null) expectPictures(start.mask, "a mask")
  const images = listOf(start.image)
  const masks = start.mask == null ? [] : listOf(start.mask)
  for (const [what, list] of [
    ["pictures to start from", images],
    ["masks", masks],
  ] as const) {
    if (list.length !== 1 && list.length !== pictures && (list.length > 0 || what !== "masks")) {
      throw new CoreError(
        "start-count",
        `generate: ${list.length} ${what} for ${pictures} pictures, expected 1 or ${pictures}`,
      )
    }
  }
  for (const image of images) {
    if (channelsOf(image) !== 3)
      throw new CoreError(
        "picture-channels",
        "generate: a picture to start from is grey, expected RGB. Use greyToRgb first.",
      )
  }
  for (const mask of masks) {
    if (channelsOf(mask) !== 1)
      throw new CoreError("picture-channels", "generate: a mask is RGB, expected grey. Use maskOf first.")
  }
}

/** Checks how the loop of a stage begins. @throws CoreError that names what is wrong */
export function checkStartRule(
  place: "start" | "hires",
  { stepsOffset, compat = null }: Pick<StartPicture, "compat" | "stepsOffset">,
): void {
  if (stepsOffset !== undefined && stepsOffset !== 0 && stepsOffset !== 1) {
    throw new CoreError("option-range", `generate: ${place}: stepsOffset is ${String(stepsOffset)}, expected 0 or 1`)
  }
  if (compat !== null && !START_COMPATS.includes(compat)) {
    throw new CoreError(
      "option-unknown",
      `generate: ${place}: compat is ${JSON.stringify(compat)}, expected one of ${START_COMPATS.join(", ")}`,
    )
  }
}

/** One value or several, as a list. */
export function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T]
}
