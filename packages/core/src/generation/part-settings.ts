import { checkOptions, type OptionKinds } from "../argument.ts"
import { roundHalfToEven } from "../diffusion/spacings/levels.ts"
import { CoreError } from "../errors.ts"
import type { RgbImage } from "../image.ts"
import type { Grid } from "../models/taps.ts"
import { checkRanges, type NumberRange } from "../number-range.ts"
import { partsOfPrompt } from "../prompt/composed.ts"
import type { PromptOptions } from "../prompt/options.ts"
import type { MixedText, TextMix } from "../prompt/text-mix.ts"
import type { Region } from "../tiling.ts"
import { checkWindow } from "./window.ts"

/** A rectangle of the picture. Sides are parts of the picture's sides, from 0 to 1. */
export interface PictureArea {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/** When, where and how much a part of a prompt guides, and with which states. */
export interface PartSettings {
  /** Its share beside other parts. Default: 1. */
  readonly strength?: number
  /** Where it begins on the noise schedule, from 0 (noise) to 1. Default: 0. */
  readonly start?: number
  /** Where it ends. Default: 1. */
  readonly end?: number
  /** The rectangle in which it guides. Without a mask, its edges inside of the picture are soft. Default: all. */
  readonly area?: PictureArea
  /** What the pass of the part sees, see `PART_VIEWS`. Default: `all`. */
  readonly sees?: PartView
  /** The factor on the states of its own text. 0 is a prompt of zeros. Default: 1. */
  readonly textWeight?: number
  /** Texts whose states are added to its own, each times its weight. Default: none. */
  readonly mix?: readonly MixedText[]
}

/**
 * What of the picture the pass of a part sees:
 *
 * - `all`: the whole picture.
 * - `area`: its area alone, as in ComfyUI.
 * - `mask`: the smallest rectangle that holds the white of its mask, of at least 8 latents, as in ComfyUI.
 *
 * With tiles, every pass sees its tile.
 */
export const PART_VIEWS = ["all", "area", "mask"] as const
export type PartView = (typeof PART_VIEWS)[number]

/** A part of a prompt with its mask. */
export interface PartUse extends PartSettings {
  /** White is where it guides. A mask of another size is resized. Default: everywhere. */
  readonly mask?: RgbImage
}

const KINDS: OptionKinds<PartUse> = {
  strength: "a number",
  start: "a number",
  end: "a number",
  area: "an object",
  sees: "text",
  textWeight: "a number",
  mix: "a list",
  mask: "an object",
}

const AREA_KINDS: OptionKinds<PictureArea> = {
  left: "a number",
  top: "a number",
  width: "a number",
  height: "a number",
}

export const PART_RANGES = {
  strength: { min: 0, max: 100 },
  left: { min: 0, max: 1 },
  top: { min: 0, max: 1 },
  width: { min: 0, max: 1 },
  height: { min: 0, max: 1 },
  textWeight: { min: 0, max: 10 },
} as const satisfies Readonly<Record<string, NumberRange>>

/**
 * Checks the parts of prompts.
 *
 * @param name the option that has them
 * @param prompts the texts that they are parts of
 * @throws CoreError for a number out of range, and where a prompt has another number of parts
 */
export function checkParts(
  name: "parts" | "negativeParts",
  parts: readonly (PartSettings & { readonly mask?: unknown })[],
  prompts: readonly string[],
  options: PromptOptions = {},
): void {
  for (const [i, part] of parts.entries()) {
    const place = `generate: ${name}[${i}]`
    checkOptions(place, part, KINDS)
    const { strength, area, textWeight, sees = "all", mix = [], mask, ...window } = part
    if (area !== undefined) checkOptions(`${place}: area`, area, AREA_KINDS, ["left", "top", "width", "height"])
    checkRanges(place, { strength, textWeight, ...area }, PART_RANGES)
    for (const { weight } of mix) checkRanges(`${place}.mix`, { weight }, { weight: PART_RANGES.textWeight })
    checkWindow(place, window)
    if (!PART_VIEWS.includes(sees)) {
      throw new CoreError(
        "option-unknown",
        `${place}: sees is ${JSON.stringify(sees)}, expected one of ${PART_VIEWS.join(", ")}`,
      )
    }
    if ((sees === "area" && area === undefined) || (sees === "mask" && mask === undefined)) {
      throw new CoreError("option-conflict", `${place}: sees is "${sees}", and the part has no ${sees}. Give it one.`)
    }
  }
  const what = name === "parts" ? "prompt" : "negative prompt"
  for (const prompt of prompts) {
    const own = partsOfPrompt(prompt, options)
    if (own.length !== parts.length) {
      throw new CoreError(
        "control-count",
        `generate: ${name} has ${parts.length} entries, and a ${what} has ${own.length} parts. Expected one for each, with AND between the parts of a prompt.`,
      )
    }
    const weighed = name === "parts" ? undefined : own.find(({ weight }) => weight !== 1)
    if (weighed === undefined) continue
    throw new CoreError(
      "option-conflict",
      `generate: a part of the negative prompt has the weight ${weighed.weight}. Give it as strength in negativeParts.`,
    )
  }
}

/** What the states of a part's text become. Null: they stay. */
export function mixOf({ textWeight = 1, mix = [] }: PartSettings): TextMix | null {
  return textWeight === 1 && mix.length === 0 ? null : { weight: textWeight, others: mix }
}

/** Cells from one on. */
export interface Span {
  readonly from: number
  readonly count: number
}

/** The cells of a part of a side. Source: ComfyUI `resolve_areas_and_cond_masks_multidim`. */
export function spanOf(start: number, size: number, cells: number): Span {
  const from = Math.min(roundHalfToEven(start * cells), cells - 1)
  return { from, count: Math.min(Math.max(1, roundHalfToEven(size * cells)), cells - from) }
}

/** The least side of what a part sees of its mask, in latents. */
const LEAST_VIEW = 8

/** What the pass of a part sees of latents. Null: all of them. */
export function viewOf({ sees = "all", area, mask }: PartUse, { height, width }: Grid): Region | null {
  if (sees === "area" && area !== undefined) {
    const [rows, columns] = [spanOf(area.top, area.height, height), spanOf(area.left, area.width, width)]
    return { top: rows.from, left: columns.from, height: rows.count, width: columns.count }
  }
  if (sees !== "mask" || mask === undefined) return null
  const box = whiteBox(mask)
  const across = (pixels: number): number => (pixels * width) / mask.width
  const down = (pixels: number): number => (pixels * height) / mask.height
  const [top, left] = [Math.floor(down(box.top)), Math.floor(across(box.left))]
  const bottom = Math.max(Math.ceil(down(box.top + box.height)), top + LEAST_VIEW)
  const right = Math.max(Math.ceil(across(box.left + box.width)), left + LEAST_VIEW)
  return { top, left, height: Math.min(bottom, height) - top, width: Math.min(right, width) - left }
}

/** The smallest rectangle of pixels that are not black. A black picture has one at its corner. */
function whiteBox({ width, height, data }: RgbImage): Region {
  let [top, left, bottom, right] = [height, width, -1, -1]
  for (let at = 0; at < width * height; at++) {
    if ((data[3 * at] ?? 0) + (data[3 * at + 1] ?? 0) + (data[3 * at + 2] ?? 0) === 0) continue
    const [y, x] = [Math.floor(at / width), at % width]
    ;[top, left] = [Math.min(top, y), Math.min(left, x)]
    ;[bottom, right] = [Math.max(bottom, y), Math.max(right, x)]
  }
  if (bottom < 0) return { top: 0, left: 0, height: 1, width: 1 }
  return { top, left, height: bottom - top + 1, width: right - left + 1 }
}
