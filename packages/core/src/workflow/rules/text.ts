import { CONTROL_TYPE_NAMES } from "@lllite/format/identify"
import { shortText } from "../graph.ts"
import type { NodeReader, NodeRule } from "../node-rule.ts"
import type { ConditioningValue, ControlKind, ControlUse } from "../values.ts"

/* Nodes that make conditions of text, and nodes that add control to them. */

const STRENGTH = { min: 0, max: 100 } as const
const PERCENT = { min: 0, max: 1 } as const
const SIDE = { integer: true, min: 0, max: 65_536 } as const

export const clipTextEncode: NodeRule = (node) => {
  const parts = [node.text("text")]
  return [{ ...conditionOf(node), parts, firstText: null, size: null }]
}

export const clipTextEncodeSdxl: NodeRule = (node) => {
  const side = (name: string): number => node.number(name, SIDE)
  const [text, firstText] = [node.text("text_g"), node.text("text_l")]
  return [
    {
      ...{ ...conditionOf(node), parts: [text], firstText: firstText === text ? null : firstText },
      size: {
        original: [side("height"), side("width")],
        crop: [side("crop_h"), side("crop_w")],
        target: [side("target_height"), side("target_width")],
      },
    },
  ]
}

function conditionOf(node: NodeReader): Pick<ConditioningValue, "type" | "clip" | "controls" | "isJoined" | "isZero"> {
  return { type: "CONDITIONING", clip: node.read("clip", "CLIP"), controls: [], isJoined: false, isZero: false }
}

/** A loader of a network that follows a picture, whose file has this name. */
const loader =
  (input: string, kind: ControlKind, refused: readonly string[] = []): NodeRule =>
  (node) => {
    refuseInputs(node, refused)
    return [{ type: "CONTROL_NET", name: node.text(input), kind, controlType: null }]
  }

export const controlNetLoader = loader("control_net_name", "controlnet")
export const advancedLoader = loader("cnet", "either", ["_tk_opt"])
export const oldAdvancedLoader = loader("control_net_name", "either", ["tk_optional"])

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

const REFUSED = ["timestep_kf", "latent_kf_override", "weights_override"]

export const advancedApply: NodeRule = (node) => {
  refuseInputs(node, [...REFUSED, "model_optional"])
  return applyToBoth(node)
}

export const advancedApplySingle: NodeRule = (node) => {
  refuseInputs(node, REFUSED)
  return [withControl(node.read("conditioning", "CONDITIONING"), useOf(node, windowOf(node), true))]
}

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
  const { kind, name, controlType } = node.read("control_net", "CONTROL_NET")
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
  }
}

function windowOf(node: NodeReader): { readonly start: number; readonly end: number } {
  const [start, end] = [node.number("start_percent", PERCENT), node.number("end_percent", PERCENT)]
  return start <= end ? { start, end } : node.refuse(`starts at ${start}, after its end at ${end}`)
}

function refuseInputs(node: NodeReader, names: readonly string[]): void {
  const connected = names.filter((name) => node.has(name))
  if (connected.length > 0) node.refuse(`has ${connected.join(", ")} connected, which cannot be followed`)
}
