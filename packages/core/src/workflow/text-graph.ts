import { splitBreaks } from "../prompt/comfyui-weights.ts"
import { splitComposed } from "../prompt/composed.ts"
import type { PartRecipe, Recipe } from "../recipe/recipe.ts"
import type { AddNode } from "./sampler-graph.ts"
import type { WrittenLink } from "./written-node.ts"

/** Adds a node that encodes a text for both encoders. */
export type AddEncoder = (text: string, first: string) => WrittenLink

/**
 * Adds the nodes of a recipe's prompt. Its parts are combined, and chunks of a part are concatenated.
 *
 * @returns the condition
 */
export function addPrompt(
  recipe: Pick<Recipe, "prompt" | "prompts" | "firstPrompt" | "parts">,
  encode: AddEncoder,
  add: AddNode,
  notice: (text: string) => void,
): WrittenLink {
  const { prompt, prompts, firstPrompt, parts: settings } = recipe
  if (prompts.syntax !== "comfyui-joined") {
    const only = encode(prompt, firstPrompt ?? prompt)
    return settings?.[0] === undefined ? only : withSettings(only, settings[0], add)
  }
  const parts = splitComposed(prompt)
  if (settings === undefined && parts.some(({ weight }) => Math.abs(weight - 1 / parts.length) > 1e-6)) {
    notice("ComfyUI averages the parts of a prompt, and this prompt has other weights.")
  }
  return parts
    .map(({ text }, i) => {
      const condition = addChunks(text, parts.length === 1 ? firstPrompt : undefined, encode, add)
      const own = settings?.[i]
      return own === undefined ? condition : withSettings(condition, own, add)
    })
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

function withSettings(
  conditioning: WrittenLink,
  { strength, start, end, area, mask }: PartRecipe,
  add: AddNode,
): WrittenLink {
  let condition = conditioning
  if (start > 0 || end < 1) {
    condition = add("ConditioningSetTimestepRange", "Steps of the part", { conditioning: condition, start, end })
  }
  if (area !== undefined) {
    const { left: x, top: y, width, height } = area
    const place = { width, height, x, y, strength: mask === undefined ? strength : 1 }
    condition = add("ConditioningSetAreaPercentage", "Area of the part", { conditioning: condition, ...place })
  }
  if (mask !== undefined) {
    const image = add("LoadImageMask", "Mask of the part", { image: mask.file.path, channel: mask.channel ?? "red" })
    return add("ConditioningSetMask", "Where the part acts", { conditioning: condition, mask: image, strength })
  }
  return area !== undefined || strength === 1
    ? condition
    : add("ConditioningSetAreaStrength", "Strength of the part", { conditioning: condition, strength })
}
