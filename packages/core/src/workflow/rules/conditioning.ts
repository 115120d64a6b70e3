import type { NodeReader, NodeRule } from "../node-rule.ts"
import type { ConditioningValue } from "../values.ts"

/* Nodes that join conditions, or change them. */

const SHARE = { min: 0, max: 1 } as const

/** Two prompts whose predictions are averaged: parts of a composed prompt. */
export const conditioningCombine: NodeRule = (node) => {
  const first = plainCondition(node, "conditioning_1")
  const second = plainCondition(node, "conditioning_2")
  if (unlike(first, second)) node.refuse("combines prompts of other text encoders, sizes or controls")
  return [{ ...first, parts: [...first.parts, ...second.parts] }]
}

/** Two prompts whose tokens stand one after the other: chunks of one prompt. */
export const conditioningConcat: NodeRule = (node) => {
  const to = plainCondition(node, "conditioning_to")
  const from = plainCondition(node, "conditioning_from")
  if (to.parts.length > 1 || from.parts.length > 1)
    node.refuse("concatenates combined prompts, which cannot be followed")
  if (JSON.stringify(to.clip) !== JSON.stringify(from.clip)) node.refuse("concatenates prompts of other text encoders")
  const parts = [`${to.parts[0] ?? ""} BREAK ${from.parts[0] ?? ""}`]
  return [{ ...to, parts, isJoined: true }]
}

export const conditioningZeroOut: NodeRule = (node) => [{ ...node.read("conditioning", "CONDITIONING"), isZero: true }]

/** A prompt for a part of the steps. Only the whole of it can be followed. */
export const conditioningSetTimestepRange: NodeRule = (node) => {
  const [start, end] = [node.number("start", SHARE), node.number("end", SHARE)]
  const condition = node.read("conditioning", "CONDITIONING")
  return start === 0 && end === 1
    ? [condition]
    : node.refuse(`limits a prompt to the steps from ${start} to ${end}, which cannot be followed. Bypass it`)
}

/** A condition whose text says the same in the syntax that joins prompts. */
function plainCondition(node: NodeReader, input: string): ConditioningValue {
  const condition = node.read(input, "CONDITIONING")
  if (condition.isZero) node.refuse("joins a prompt of zeros, which cannot be followed")
  if (condition.firstText !== null) node.refuse("joins a prompt with two texts, which cannot be followed")
  if (!condition.isJoined && !isPlainText(condition)) {
    node.refuse("joins a prompt with weights, brackets, AND or BREAK, which cannot be followed. Join plain texts")
  }
  return condition
}

/** Whether all syntaxes read a text in the same way. */
export function isPlainText({ parts }: Pick<ConditioningValue, "parts">): boolean {
  return parts.every((text) => !/[()[\]\\]|BREAK|(?:^|\s)AND(?:\s|$)/.test(text))
}

function unlike(a: ConditioningValue, b: ConditioningValue): boolean {
  const shared = ({ clip, size, controls }: ConditioningValue): string => JSON.stringify([clip, size, controls])
  return shared(a) !== shared(b)
}
