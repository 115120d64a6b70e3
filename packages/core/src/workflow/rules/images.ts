import type { Preprocessing } from "../../control/preprocessors/preprocess.ts"
import type { NodeReader, NodeRule } from "../node-rule.ts"
import { resizeOf } from "./resize.ts"

/* Nodes that load and change pictures. */

export const loadImage: NodeRule = (node) => {
  const name = fileName(node)
  return [
    { type: "IMAGE", made: "loaded", name },
    { type: "MASK", name, channel: "alpha" },
  ]
}

export const loadMask: NodeRule = (node) => [
  {
    ...{ type: "MASK", name: fileName(node) },
    channel: node.choice("channel", ["alpha", "red", "green", "blue"]) === "alpha" ? "alpha" : null,
  },
]

/** The name of a picture, without the folder of ComfyUI that may follow it. */
function fileName(node: NodeReader): string {
  return node.text("image").replace(/ \[(input|output|temp)\]$/, "")
}

export const imageScale: NodeRule = (node) => [
  { type: "IMAGE", made: "resized", image: node.read("image", "IMAGE"), resize: resizeOf(node) },
]

export const imageInvert: NodeRule = (node) => [
  { type: "IMAGE", made: "preprocessed", image: node.read("image", "IMAGE"), by: { kind: "invert" } },
]

const THRESHOLD = { min: 0, max: 1 } as const

/**
 * ComfyUI's own edges. kornia measures gradients of the luma in the range 0 to 1, and blurs the picture before, with
 * a sigma of 1.
 */
export const canny: NodeRule = (node) => {
  const image = node.read("image", "IMAGE")
  const [low, high] = ["low_threshold", "high_threshold"].map((name) => Math.round(255 * node.number(name, THRESHOLD)))
  node.notice("blurs the picture by 5 × 5 weights before it finds edges. The blur here is as wide and has 7 × 7")
  const by = cannyBy(low ?? 0, high ?? 0, { l2: true, grey: true, blur: 1 })
  return [{ type: "IMAGE", made: "preprocessed", image, by }]
}

/** The edges of comfyui_controlnet_aux, which are OpenCV's. */
export const cannyEdges: NodeRule = (node) => {
  const level = { integer: true, min: 0, max: 255 } as const
  const [low, high] = [node.number("low_threshold", level), node.number("high_threshold", level)]
  const resolution = node.number("resolution", { integer: true, min: 64, max: 16_384 })
  return [
    {
      ...{ type: "IMAGE", made: "preprocessed", image: node.read("image", "IMAGE") },
      by: cannyBy(low, high, { resolution }),
    },
  ]
}

function cannyBy(low: number, high: number, options: Preprocessing["options"]): Preprocessing {
  return { kind: "canny", options: { low, high, ...options } }
}

/** A node that ends in a picture has no output. */
export const output: NodeRule = () => []
