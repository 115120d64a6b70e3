import { splitBreaks } from "../prompt/comfyui-weights.ts"
import { splitComposed } from "../prompt/composed.ts"
import type { PartRecipe } from "../recipe/recipe.ts"
import type { AddNode } from "./sampler-graph.ts"
import type { WrittenLink } from "./written-node.ts"

/** Adds a node that encodes a text for both encoders. */
export type AddEncoder = (text: string, first: string) => WrittenLink

/** A prompt of a recipe. */
export interface WrittenPrompt {
  readonly text: string
  /** What the first encoder reads. Undefined: the same. */
  readonly first: string | undefined
  /** When and where its parts guide. Undefined: by their weights. */
  readonly parts: readonly PartRecipe[] | undefined
}

/**
 * Adds the nodes of a prompt. Its parts are combined, and chunks of a part are concatenated.
 *
 * @param isJoined whether `AND` stands between parts
 * @returns the condition
 */
export function addPrompt(
  { text: prompt, first, parts: settings }: WrittenPrompt,
  isJoined: boolean,
  encode: AddEncoder,
  add: AddNode,
  notice: (text: string) => void,
): WrittenLink {
  const adding = { encode, add, notice }
  if (!isJoined) return withSettings(encode(prompt, first ?? prompt), settings?.[0], adding)
  const parts = splitComposed(prompt)
  if (settings === undefined && parts.some(({ weight }) => Math.abs(weight - 1 / parts.length) > 1e-6)) {
    notice("ComfyUI averages the parts of a prompt, and this prompt has other weights.")
  }
  return parts
    .map(({ text }, i) =>
      withSettings(addChunks(text, parts.length === 1 ? first : undefined, encode, add), settings?.[i], adding),
    )
    .reduce((before, next) =>
      add("ConditioningCombine", "Both parts", { conditioning_1: before, conditioning_2: next }),
    )
}

/** Adds the nodes of a text, whose chunks are concatenated. */
export function addChunks(text: string, first: string | undefined, encode: AddEncoder, add: AddNode): WrittenLink {
  const chunks = splitBreaks(text)
  if (first !== undefined || chunks.length === 1) return encode(text, first ?? text)
  return chunks
    .map((chunk) => encode(chunk, chunk))
    .reduce((to, from) => add("ConditioningConcat", "Next chunk", { conditioning_to: to, conditioning_from: from }))
}

interface Adding {
  readonly encode: AddEncoder
  readonly add: AddNode
  readonly notice: (text: string) => void
}

function withSettings(encoded: WrittenLink, part: PartRecipe | undefined, adding: Adding): WrittenLink {
  if (part === undefined) return encoded
  const { strength, start, end, area, mask, sees = "all" } = part
  const { add, notice } = adding
  let condition = withStates(encoded, part, adding)
  if (start > 0 || end < 1) {
    condition = add("ConditioningSetTimestepRange", "Steps of the part", { conditioning: condition, start, end })
  }
  if (area !== undefined) {
    if (sees !== "area") notice("ComfyUI shows a prompt with an area a cut of the picture.")
    const { left: x, top: y, width, height } = area
    const place = { width, height, x, y, strength: mask === undefined ? strength : 1 }
    condition = add("ConditioningSetAreaPercentage", "Area of the part", { conditioning: condition, ...place })
  }
  if (mask !== undefined) {
    const image = add("LoadImageMask", "Mask of the part", { image: mask.file.path, channel: mask.channel ?? "red" })
    const set_cond_area = sees === "mask" ? "mask bounds" : "default"
    const masked = { conditioning: condition, mask: image, strength, set_cond_area }
    return add("ConditioningSetMask", "Where the part acts", masked)
  }
  return area !== undefined || strength === 1
    ? condition
    : add("ConditioningSetAreaStrength", "Strength of the part", { conditioning: condition, strength })
}

/** The states of a part: its text's, or averages with others and with zeros. */
function withStates(
  encoded: WrittenLink,
  { textWeight = 1, mix = [] }: PartRecipe,
  { encode, add, notice }: Adding,
): WrittenLink {
  const zeros = (): WrittenLink => add("ConditioningZeroOut", "Zeros", { conditioning: encoded })
  const average = (to: WrittenLink, from: WrittenLink, conditioning_to_strength: number): WrittenLink =>
    add("ConditioningAverage", "Average", { conditioning_to: to, conditioning_from: from, conditioning_to_strength })
  let [states, sum] = [encoded, textWeight]
  for (const { text, weight } of mix) {
    if (weight === 0) continue
    const other = addChunks(text, undefined, encode, add)
    states = average(states, other, sum / (sum + weight))
    sum += weight
  }
  if (sum === 0) return zeros()
  if (sum > 1 + 1e-6) notice("ComfyUI averages the states of texts, and these have weights above 1 together.")
  return sum < 1 - 1e-6 ? average(states, zeros(), sum) : states
}
