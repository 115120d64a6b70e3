import type { NodeReader, NodeRule } from "../node-rule.ts"
import type { ConditioningPart, ConditioningValue } from "../values.ts"

/* Nodes that make conditions of text. */

const SIDE = { integer: true, min: 0, max: 65_536 } as const

export const clipTextEncode: NodeRule = (node) => {
  const parts = [wholePart(node.text("text"))]
  return [{ ...conditionOf(node), parts, firstText: null, size: null }]
}

export const clipTextEncodeSdxl: NodeRule = (node) => {
  const side = (name: string): number => node.number(name, SIDE)
  const [text, firstText] = [node.text("text_g"), node.text("text_l")]
  return [
    {
      ...{ ...conditionOf(node), parts: [wholePart(text)], firstText: firstText === text ? null : firstText },
      size: {
        original: [side("height"), side("width")],
        crop: [side("crop_h"), side("crop_w")],
        target: [side("target_height"), side("target_width")],
      },
    },
  ]
}

/** A text that guides everywhere. */
function wholePart(text: string): ConditioningPart {
  return {
    ...{ text, textWeight: 1, mix: [], strength: 1, maskStrength: 1, start: 0, end: 1 },
    ...{ area: null, mask: null, seesMask: false },
  }
}

function conditionOf(node: NodeReader): Pick<ConditioningValue, "type" | "clip" | "controls" | "isJoined"> {
  return { type: "CONDITIONING", clip: node.read("clip", "CLIP"), controls: [], isJoined: false }
}
