import type { MixedText } from "../../prompt/text-mix.ts"
import type { NodeReader, NodeRule } from "../node-rule.ts"
import type { ConditioningArea, ConditioningPart, ConditioningValue } from "../values.ts"

/* Nodes that join conditions, or change them. */

const SHARE = { min: 0, max: 1 } as const
const STRENGTH = { min: 0, max: 10 } as const
const PIXELS = { integer: true, min: 0, max: 16_384 } as const

/** Two prompts whose predictions are averaged: parts of a composed prompt. */
export const conditioningCombine: NodeRule = (node) => {
  const first = joinable(node, "conditioning_1")
  const second = joinable(node, "conditioning_2")
  if (unlike(first, second)) node.refuse("combines prompts of other text encoders, sizes or controls")
  return [{ ...first, parts: [...first.parts, ...second.parts], isJoined: true }]
}

/** Two prompts whose tokens stand one after the other: chunks of one prompt. */
export const conditioningConcat: NodeRule = (node) => {
  const to = joinable(node, "conditioning_to")
  const from = joinable(node, "conditioning_from")
  const [[first, ...more], [second, ...others]] = [to.parts, from.parts]
  if (first === undefined || second === undefined || more.length > 0 || others.length > 0)
    return node.refuse("concatenates combined prompts, which cannot be followed")
  if (isMixed(first) || isMixed(second)) {
    return node.refuse("concatenates averaged prompts or zeros, which cannot be followed. Average or zero after it")
  }
  if (JSON.stringify(to.clip) !== JSON.stringify(from.clip)) node.refuse("concatenates prompts of other text encoders")
  // ComfyUI reads no region or window of the second one.
  return [{ ...to, parts: [{ ...first, text: `${first.text} BREAK ${second.text}` }], isJoined: true }]
}

/**
 * Prompts whose states are averaged with those of another one. The first part of the other one is read, and nothing of
 * where and when it guides.
 */
export const conditioningAverage: NodeRule = (node) => {
  const to = joinable(node, "conditioning_to")
  const from = joinable(node, "conditioning_from")
  const share = node.number("conditioning_to_strength", SHARE)
  if (JSON.stringify(to.clip) !== JSON.stringify(from.clip)) node.refuse("averages prompts of other text encoders")
  const [other, ...more] = from.parts
  if (more.length > 0) node.notice("averages with the first of several prompts, as ComfyUI does")
  const added =
    other === undefined ? [] : scaled([{ text: other.text, weight: other.textWeight }, ...other.mix], 1 - share)
  const parts = to.parts.map((part) => ({
    ...part,
    textWeight: part.textWeight * share,
    mix: [...scaled(part.mix, share), ...added],
  }))
  return [{ ...to, parts, isJoined: true }]
}

function scaled(texts: readonly MixedText[], factor: number): readonly MixedText[] {
  return texts.map(({ text, weight }) => ({ text, weight: weight * factor })).filter(({ weight }) => weight !== 0)
}

/** A prompt whose states are zero. */
export const conditioningZeroOut: NodeRule = (node) => {
  const condition = withParts(node, (part) => ({ ...part, textWeight: 0, mix: [] }))
  return [{ ...condition, firstText: null }]
}

/** Whether the states of a part are not those of its text. */
function isMixed({ textWeight, mix }: ConditioningPart): boolean {
  return textWeight !== 1 || mix.length > 0
}

/** A prompt for a part of the steps. */
export const conditioningSetTimestepRange: NodeRule = (node) => {
  const [start, end] = [node.number("start", SHARE), node.number("end", SHARE)]
  if (start > end) node.refuse(`starts at ${start}, after its end at ${end}`)
  return changed(node, { start, end })
}

/** A prompt for a rectangle in pixels. */
export const conditioningSetArea: NodeRule = (node) => {
  const [left, top] = [node.number("x", PIXELS), node.number("y", PIXELS)]
  const [width, height] = [node.number("width", PIXELS), node.number("height", PIXELS)]
  return inArea(node, { left, top, width, height, unit: "pixels" })
}

/** A prompt for a rectangle in parts of the picture. */
export const conditioningSetAreaPercentage: NodeRule = (node) => {
  const [left, top] = [node.number("x", SHARE), node.number("y", SHARE)]
  const [width, height] = [node.number("width", SHARE), node.number("height", SHARE)]
  return inArea(node, { left, top, width, height, unit: "parts" })
}

export const conditioningSetAreaStrength: NodeRule = (node) => changed(node, { strength: strengthOf(node) })

/** A prompt for where a mask is white. The last mask wins, as in ComfyUI. */
export const conditioningSetMask: NodeRule = (node) => {
  const seesMask = node.choice("set_cond_area", ["default", "mask bounds"]) === "mask bounds"
  const mask = node.read("mask", "MASK")
  return changed(node, { mask, maskStrength: strengthOf(node), seesMask })
}

function inArea(node: NodeReader, area: ConditioningArea): readonly ConditioningValue[] {
  return changed(node, { area, strength: strengthOf(node), seesMask: false })
}

function strengthOf(node: NodeReader): number {
  return node.number("strength", STRENGTH)
}

/** A condition whose parts all have other settings. The last node wins, as in ComfyUI. */
function changed(node: NodeReader, settings: Partial<ConditioningPart>): readonly ConditioningValue[] {
  return [withParts(node, (part) => ({ ...part, ...settings }))]
}

function withParts(node: NodeReader, change: (part: ConditioningPart) => ConditioningPart): ConditioningValue {
  const condition = node.read("conditioning", "CONDITIONING")
  return { ...condition, parts: condition.parts.map(change) }
}

/** A condition whose texts can stand beside others, with `AND` and `BREAK` between them. */
function joinable(node: NodeReader, input: string): ConditioningValue {
  const condition = node.read(input, "CONDITIONING")
  if (condition.firstText !== null) node.refuse("joins a prompt with two texts, which cannot be followed")
  if (!condition.isJoined && condition.parts.some(({ text }) => hasJoiningWord(text))) {
    node.refuse("joins a prompt with the word AND or BREAK, which cannot be followed. Write it in small letters")
  }
  return condition
}

/** Whether a text has a word that stands between joined texts. */
export function hasJoiningWord(text: string): boolean {
  return /(?:^|\s)(?:AND|BREAK)(?:\s|$)/.test(text)
}

/** Whether a part guides everywhere and always, beside others as much as they do. */
export function isWhole(part: ConditioningPart): boolean {
  const { strength, start, end, area, mask } = part
  return strength === 1 && start === 0 && end === 1 && area === null && mask === null && !isMixed(part)
}

function unlike(a: ConditioningValue, b: ConditioningValue): boolean {
  const shared = ({ clip, size, controls }: ConditioningValue): string => JSON.stringify([clip, size, controls])
  return shared(a) !== shared(b)
}
