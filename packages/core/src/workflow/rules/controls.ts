import { CONTROL_TYPE_NAMES } from "@lllite/format/identify"
import { shortText } from "../graph.ts"
import type { NodeReader, NodeRule } from "../node-rule.ts"
import type { ConditioningValue, ControlKind, ControlSchedule, ControlUse } from "../values.ts"

/* Nodes that load networks which follow a picture, and nodes that add them to conditions. */

const STRENGTH = { min: 0, max: 100 } as const
const PERCENT = { min: 0, max: 1 } as const

/** A loader of a network that follows a picture, whose file has this name. */
const loader =
  (input: string, kind: ControlKind, keyframesInput: string | null = null): NodeRule =>
  (node) => {
    const given = keyframesInput === null ? null : node.readOptional(keyframesInput, "TIMESTEP_KEYFRAME")
    const keyframes = given?.keyframes ?? null
    return [{ type: "CONTROL_NET", name: node.text(input), kind, controlType: null, keyframes }]
  }

export const controlNetLoader = loader("control_net_name", "controlnet")
export const advancedLoader = loader("cnet", "either", "_tk_opt")
export const oldAdvancedLoader = loader("control_net_name", "either", "tk_optional")

/** What the control of a ControlNet Union is. `hed/pidi/scribble/ted` is one type with four names. */
export const setUnionType: NodeRule = (node) => {
  const net = node.read("control_net", "CONTROL_NET")
  const name = node.text("type")
  if (name === "auto") return [net]
  const known = CONTROL_TYPE_NAMES.join(", ")
  const controlType =
    CONTROL_TYPE_NAMES.find((type) => type === name.split("/")[0]) ??
    node.refuse(`has ${shortText(JSON.stringify(name))} as type, expected one of ${known}`)
  return [{ ...net, kind: "controlnet", controlType }]
}

export const controlNetApply: NodeRule = (node) => [
  withControl(node.read("conditioning", "CONDITIONING"), useOf(node, { start: 0, end: 1 }, true)),
]

export const controlNetApplyAdvanced: NodeRule = (node) => applyToBoth(node)

export const advancedApply: NodeRule = (node) => {
  if (node.has("model_optional")) node.refuse("has model_optional connected, which cannot be followed")
  return applyToBoth(node)
}

export const advancedApplySingle: NodeRule = (node) => [
  withControl(node.read("conditioning", "CONDITIONING"), useOf(node, windowOf(node), true)),
]

function applyToBoth(node: NodeReader): readonly ConditioningValue[] {
  const use = useOf(node, windowOf(node), false)
  return (["positive", "negative"] as const).map((name) => withControl(node.read(name, "CONDITIONING"), use))
}

function withControl(conditioning: ConditioningValue, use: ControlUse): ConditioningValue {
  return use.strength === 0 ? conditioning : { ...conditioning, controls: [...conditioning.controls, use] }
}

function useOf(
  node: NodeReader,
  window: { readonly start: number; readonly end: number },
  onBoth: boolean,
): ControlUse {
  const { kind, name, controlType, keyframes } = node.read("control_net", "CONTROL_NET")
  const image = node.read("image", "IMAGE")
  const strength = node.number("strength", STRENGTH)
  const mask = node.readOptional("mask_optional", "MASK")
  return {
    node: node.id,
    kind,
    name,
    controlType,
    image,
    strength,
    window: { ...window, steps: null },
    onBoth,
    mask,
    schedule: scheduleOf(node, keyframes),
  }
}

/** The keyframes of a node, or else those of its network's loader. */
function scheduleOf(node: NodeReader, ofLoader: ControlSchedule["keyframes"] | null): ControlSchedule | null {
  const keyframes = node.readOptional("timestep_kf", "TIMESTEP_KEYFRAME")?.keyframes ?? ofLoader
  const latents = node.readOptional("latent_kf_override", "LATENT_KEYFRAME")?.keyframes ?? null
  const weights = node.readOptional("weights_override", "CONTROL_NET_WEIGHTS")
  return keyframes === null && latents === null && weights === null
    ? null
    : { keyframes: keyframes ?? [], latents, weights }
}

function windowOf(node: NodeReader): { readonly start: number; readonly end: number } {
  const [start, end] = [node.number("start_percent", PERCENT), node.number("end_percent", PERCENT)]
  return start <= end ? { start, end } : node.refuse(`starts at ${start}, after its end at ${end}`)
}
