import type { NodeRule } from "../node-rule.ts"
import { resizeOf } from "./resize.ts"

/* Nodes that load and change pictures. */

export const loadImage: NodeRule = (node) => {
  const name = node.text("image").replace(/ \[(input|output|temp)\]$/, "")
  return [
    { type: "IMAGE", made: "loaded", name },
    { type: "MASK", name },
  ]
}

export const loadMask: NodeRule = (node) => [{ type: "MASK", name: node.text("image") }]

export const imageScale: NodeRule = (node) => [
  { type: "IMAGE", made: "resized", image: node.read("image", "IMAGE"), resize: resizeOf(node) },
]

export const imageInvert: NodeRule = (node) => [{ type: "IMAGE", made: "inverted", image: node.read("image", "IMAGE") }]

const THRESHOLD = { min: 0, max: 1 } as const

export const canny: NodeRule = (node) => [
  {
    ...{ type: "IMAGE", made: "canny", image: node.read("image", "IMAGE") },
    ...{ low: node.number("low_threshold", THRESHOLD), high: node.number("high_threshold", THRESHOLD) },
  },
]

/** A node that ends in a picture has no output. */
export const output: NodeRule = () => []
