import { shortText } from "../graph.ts"
import type { NodeReader, NodeRule } from "../node-rule.ts"
import type { LatentKeyframe, TimestepKeyframe } from "../values.ts"

/*
 * Nodes of Advanced-ControlNet that give a control other strengths over the steps and over a batch.
 * Source: ComfyUI-Advanced-ControlNet `adv_control/nodes_keyframes.py`, `nodes_weight.py`.
 */

const PERCENT = { min: 0, max: 1 } as const
const STRENGTH = { min: 0, max: 10 } as const
const INDEX = { integer: true } as const

/** Sorted by their starts. Those with one start stay in the order of their nodes. */
export const timestepKeyframe: NodeRule = (node) => {
  const start = node.number("start_percent", PERCENT)
  const kept = node.number("guarantee_steps", { integer: true, min: 0 })
  if (kept > 1) node.notice(`stays for at least ${kept} steps in ComfyUI, and here until the next keyframe begins`)
  return [withKeyframes(node, [{ ...keyframeOf(node), start, strength: node.number("strength", STRENGTH) }])]
}

/** Keyframes at equal distances, with strengths from one to another. */
export const timestepKeyframeInterpolation: NodeRule = (node) => {
  const starts = [node.number("start_percent", PERCENT), node.number("end_percent", PERCENT)] as const
  const strengths = [node.number("strength_start", STRENGTH), node.number("strength_end", STRENGTH)] as const
  const count = node.number("intervals", { integer: true, min: 2, max: 100 })
  const places = between(starts, count, "linear")
  const values = between(strengths, count, interpolationOf(node))
  const common = keyframeOf(node)
  return [
    withKeyframes(
      node,
      places.map((start, i) => ({ ...common, start, strength: values[i] ?? 0 })),
    ),
  ]
}

function keyframeOf(node: NodeReader): Omit<TimestepKeyframe, "start" | "strength"> {
  // Older files have another name.
  const weights =
    node.readOptional("cn_weights", "CONTROL_NET_WEIGHTS") ??
    node.readOptional("control_net_weights", "CONTROL_NET_WEIGHTS")
  return {
    weights,
    latents: node.readOptional("latent_keyframe", "LATENT_KEYFRAME")?.keyframes ?? null,
    mask: node.readOptional("mask_optional", "MASK"),
    otherStrength: node.number("null_latent_kf_strength", STRENGTH),
    inherits: node.flag("inherit_missing"),
  }
}

function withKeyframes(
  node: NodeReader,
  added: readonly TimestepKeyframe[],
): {
  readonly type: "TIMESTEP_KEYFRAME"
  readonly keyframes: readonly TimestepKeyframe[]
} {
  const before =
    node.readOptional("prev_timestep_kf", "TIMESTEP_KEYFRAME") ??
    node.readOptional("prev_timestep_keyframe", "TIMESTEP_KEYFRAME")
  const all = [...(before?.keyframes ?? []), ...added]
  return { type: "TIMESTEP_KEYFRAME", keyframes: all.sort((a, b) => a.start - b.start) }
}

/** The strength of one picture of a batch. It wins over one that was given before. */
export const latentKeyframe: NodeRule = (node) => {
  const own = { index: node.number("batch_index", INDEX), strength: node.number("strength", STRENGTH) }
  return [{ type: "LATENT_KEYFRAME", keyframes: [...latentsBefore(node), own] }]
}

/** Strengths in words: `0, 2=0.5, 4:8=0.2`. Those that were given before win. */
export const latentKeyframeGroup: NodeRule = (node) => {
  if (node.has("latent_optional")) node.refuse("has latent_optional connected, which cannot be followed")
  const text = node.text("index_strengths").trim()
  const own: LatentKeyframe[] = []
  for (const entry of text === "" ? [] : text.split(",")) {
    own.push(...indexStrengths(node, entry.trim()))
    if (own.length > MOST_PICTURES) node.refuse(`names more than ${MOST_PICTURES} pictures in index_strengths`)
  }
  return [{ type: "LATENT_KEYFRAME", keyframes: [...own, ...latentsBefore(node)] }]
}

/** How many pictures a list may name. */
const MOST_PICTURES = 4096

function indexStrengths(node: NodeReader, entry: string): readonly LatentKeyframe[] {
  const [, from = "", to, number = "1"] = /^(\d+)(?:\s*:\s*(\d+))?(?:\s*=\s*(\d+\.?\d*|\.\d+))?$/.exec(entry) ?? []
  const [first, end] = [Number(from), to === undefined ? Number(from) + 1 : Number(to)]
  if (from === "" || end - first > MOST_PICTURES) {
    return node.refuse(
      `has ${shortText(JSON.stringify(entry))} in index_strengths, expected INDEX=STRENGTH or FROM:TO=STRENGTH`,
    )
  }
  return Array.from({ length: Math.max(0, end - first) }, (_, i) => ({ index: first + i, strength: Number(number) }))
}

/** Strengths from one picture to another. Those that were given before win. */
export const latentKeyframeTiming: NodeRule = (node) => {
  const first = node.number("batch_index_from", INDEX)
  const count = node.number("batch_index_to_excl", INDEX) - first
  if (count < 0 || count > MOST_PICTURES) node.refuse(`runs from ${first} to ${first + count}, expected more`)
  const strengths = [node.number("strength_from", STRENGTH), node.number("strength_to", STRENGTH)] as const
  const own = between(strengths, count, interpolationOf(node)).map((strength, i) => ({ index: first + i, strength }))
  return [{ type: "LATENT_KEYFRAME", keyframes: [...own, ...latentsBefore(node)] }]
}

function latentsBefore(node: NodeReader): readonly LatentKeyframe[] {
  const before =
    node.readOptional("prev_latent_kf", "LATENT_KEYFRAME") ??
    node.readOptional("prev_latent_keyframe", "LATENT_KEYFRAME")
  return before?.keyframes ?? []
}

export const defaultWeights: NodeRule = () => weightsOf(1)

/** Weights that fall from block to block. LLLites have none: only the factor of the negative side acts on them. */
export const softWeights: NodeRule = (node) => {
  const base = node.number("base_multiplier", PERCENT)
  if (base !== 1) node.notice("has a base_multiplier, which acts on no LLLite, and is not followed for a ControlNet")
  return weightsOf(node.number("uncond_multiplier", PERCENT))
}

/** Weights, and a keyframe that has them from the start. */
function weightsOf(uncond: number): ReturnType<NodeRule> {
  const start = { start: 0, strength: 1, latents: null, mask: null, otherStrength: 0, inherits: true }
  return [
    { type: "CONTROL_NET_WEIGHTS", uncond },
    { type: "TIMESTEP_KEYFRAME", keyframes: [{ ...start, weights: { uncond } }] },
  ]
}

const INTERPOLATIONS = ["linear", "ease-in", "ease-out", "ease-in-out"] as const

function interpolationOf(node: NodeReader): (typeof INTERPOLATIONS)[number] {
  return node.choice("interpolation", INTERPOLATIONS)
}

/** Numbers from one to another, both included. */
function between(
  [from, to]: readonly [number, number],
  count: number,
  interpolation: (typeof INTERPOLATIONS)[number],
): readonly number[] {
  const ease = {
    linear: (x: number) => x,
    "ease-in": (x: number) => x ** 2,
    "ease-out": (x: number) => 1 - (1 - x) ** 2,
    "ease-in-out": (x: number) => (1 - Math.cos(Math.PI * x)) / 2,
  }[interpolation]
  return Array.from({ length: count }, (_, i) => from + (to - from) * ease(count === 1 ? 0 : i / (count - 1)))
}
