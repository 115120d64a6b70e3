import { type PartUse, type PictureArea, viewOf } from "../generation/part-settings.ts"
import { VAE_FACTOR } from "../models/vae/config.ts"
import type { PartInput, RecipeInput } from "../recipe/recipe.ts"
import type { Region } from "../tiling.ts"
import { hasJoiningWord, isWhole } from "./rules/conditioning.ts"
import type { Size } from "./stages.ts"
import type { ConditioningArea, ConditioningPart, SamplerRun } from "./values.ts"

/** What a recipe says of its texts. */
type Texts = Pick<
  RecipeInput,
  "prompt" | "parts" | "negativePrompt" | "negativeParts" | "firstPrompt" | "firstNegativePrompt" | "prompts"
>

/** Is told about a run, as a clause. */
export interface TextReport {
  /** What cannot be followed. */
  readonly problem: (text: string) => void
  /** What the user should know. */
  readonly notice: (text: string) => void
}

/** The texts of a run, in the syntax that can say them. Null: none can. */
export function textsOf(
  { positive, negative: given, guidanceScale }: SamplerRun,
  size: Size,
  { problem, notice }: TextReport,
): Texts | null {
  const negativeParts = given === null ? [] : withOpposites(given.parts, positive.parts, size)
  const parts = withOpposites(positive.parts, negativeParts, size)
  // Without guidance, ComfyUI does not run the negative prompt.
  const isNegativeRun =
    given !== null && (guidanceScale !== 1 || (negativeParts.length === 1 && negativeParts.every(isWhole)))
  const negatives = isNegativeRun ? negativeParts : []
  const sides = [
    { parts, isJoined: positive.isJoined },
    { parts: negatives, isJoined: given?.isJoined ?? false },
  ]
  const isJoined = sides.some((side) => side.isJoined || side.parts.length > 1)
  if (isJoined && sides.some((side) => !side.isJoined && side.parts.some(({ text }) => hasJoiningWord(text)))) {
    problem(
      "has joined prompts beside one with the word AND or BREAK, which cannot be followed. Write it in small letters",
    )
    return null
  }
  for (const [name, own] of [["prompt", parts] as const, ["negative prompt", negatives] as const]) {
    if (guidanceScale !== 1 && hasGap(own)) {
      notice(
        `has steps where no part of the ${name} acts. Its estimate is zero there, as in ComfyUI, which harms the picture. Combine a prompt for these steps`,
      )
    }
  }
  // A prompt of one part with an area of its own guides alone everywhere.
  const isShared = !parts.every(isWhole)
  const isNegativeShared = negatives.length > 1 || !negatives.every(isWhole)
  return {
    prompt: joined(parts, isShared ? 1 : 1 / parts.length),
    ...(isShared ? { parts: parts.map((part) => partOf(part, size)) } : {}),
    negativePrompt: joined(negatives, 1),
    ...(isNegativeShared ? { negativeParts: negatives.map((part) => partOf(part, size)) } : {}),
    ...(positive.firstText === null ? {} : { firstPrompt: positive.firstText }),
    ...(given === null || !isNegativeRun || given.firstText === null ? {} : { firstNegativePrompt: given.firstText }),
    prompts: { syntax: isJoined ? "comfyui-joined" : "comfyui", clipSkip: positive.clip.clipSkip },
  }
}

/** Texts with `AND` between them. Each ends in its weight, so that a number at its end stays text. */
function joined(parts: readonly ConditioningPart[], weight: number): string {
  return parts.length <= 1 ? (parts[0]?.text ?? "") : parts.map(({ text }) => `${text} :${weight}`).join(" AND ")
}

/** Whether there are steps at which none of the parts acts, whatever their areas and masks. */
function hasGap(parts: readonly ConditioningPart[]): boolean {
  let reached = 0
  for (const { start, end } of [...parts].sort((a, b) => a.start - b.start)) {
    if (start > reached) return true
    reached = Math.max(reached, end)
  }
  return parts.length > 0 && reached < 1
}

/**
 * Parts with one for each area of the other side, so that both are estimated on the same cut. It has the text of the
 * smallest part that holds the area.
 *
 * Source: ComfyUI `comfy/samplers.py`, `create_cond_with_same_area_if_none`.
 */
function withOpposites(
  own: readonly ConditioningPart[],
  others: readonly ConditioningPart[],
  size: Size,
): readonly ConditioningPart[] {
  const parts = [...own]
  for (const other of others) {
    if (other.area === null && !other.seesMask) continue
    if (
      other.seesMask &&
      parts.some((part) => part.seesMask && JSON.stringify(part.mask) === JSON.stringify(other.mask))
    ) {
      continue
    }
    const area = cutOf(other, size)
    let smallest: { readonly part: ConditioningPart; readonly area: Region | null } | null = null
    for (const part of parts) {
      const each = cutOf(part, size)
      if (part.seesMask) continue
      const isSmaller =
        each === null
          ? smallest === null
          : area !== null && isInside(area, each) && (smallest === null || sizeOf(smallest.area) > sizeOf(each))
      if (isSmaller) smallest = { part, area: each }
    }
    if (smallest === null) continue
    if (smallest.area !== null && JSON.stringify(smallest.area) === JSON.stringify(area)) continue
    const { text, textWeight, mix } = smallest.part
    parts.push({ ...other, text, textWeight, mix })
  }
  return parts
}

function sizeOf(area: Region | null): number {
  return area === null ? Number.POSITIVE_INFINITY : area.width * area.height
}

/** The latents of a part's area. Null: it has none, or they follow from its mask. */
function cutOf(part: ConditioningPart, size: Size): Region | null {
  if (part.seesMask) return null
  const { area } = partOf(part, size)
  const grid = { width: size.width / VAE_FACTOR, height: size.height / VAE_FACTOR }
  return area === undefined ? null : viewOf({ area, sees: "area" } satisfies PartUse, grid)
}

function isInside(inner: Region, outer: Region): boolean {
  return (
    inner.top >= outer.top &&
    inner.left >= outer.left &&
    inner.top + inner.height <= outer.top + outer.height &&
    inner.left + inner.width <= outer.left + outer.width
  )
}

/** A part of a recipe's prompt. Areas in pixels become parts of the picture. */
function partOf(part: ConditioningPart, { width, height }: Size): PartInput {
  const { strength, maskStrength, start, end, area: given, mask, seesMask, textWeight, mix } = part
  const area = seesMask ? null : given
  return {
    ...{ strength: mask === null ? strength : strength * maskStrength, start, end },
    ...(area === null ? {} : { area: area.unit === "parts" ? areaOf(area, 1, 1) : areaOf(area, width, height) }),
    ...(area === null ? {} : { sees: "area" }),
    ...(mask === null
      ? {}
      : { mask: { file: { path: mask.name }, ...(mask.channel === null ? {} : { channel: mask.channel }) } }),
    ...(seesMask ? { sees: "mask" } : {}),
    ...(textWeight === 1 ? {} : { textWeight }),
    ...(mix.length === 0 ? {} : { mix }),
  }
}

function areaOf({ left, top, width, height }: ConditioningArea, across: number, down: number): PictureArea {
  const part = (pixels: number, side: number): number => Math.min(1, pixels / side)
  return { left: part(left, across), top: part(top, down), width: part(width, across), height: part(height, down) }
}
