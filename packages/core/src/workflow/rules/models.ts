import type { NodeReader, NodeRule } from "../node-rule.ts"
import type { ModelValue, WorkflowValue } from "../values.ts"

/* Nodes that load models, and nodes that change them. */

const STRENGTH = { min: -100, max: 100 } as const

/** The layer that SDXL reads where a graph says nothing. */
const SDXL_CLIP_SKIP = 2

/** What no node has changed. */
const AS_FILED = { prediction: null, zeroTerminalSnr: null, guidanceRescale: 0 } as const

/** A checkpoint's model, text encoders and VAE. */
export const checkpointLoader: NodeRule = (node) => {
  const checkpoint = node.text("ckpt_name")
  return [
    { type: "MODEL", source: { checkpoint }, loras: [], lllites: [], ...AS_FILED },
    { type: "CLIP", checkpoint, loras: [], clipSkip: SDXL_CLIP_SKIP },
    { type: "VAE", source: { checkpoint } },
  ]
}

export const unetLoader: NodeRule = (node) => [
  { type: "MODEL", source: { unet: node.text("unet_name") }, loras: [], lllites: [], ...AS_FILED },
]

export const vaeLoader: NodeRule = (node) => [{ type: "VAE", source: { vae: node.text("vae_name") } }]

export const loraLoader: NodeRule = (node) => {
  const name = node.text("lora_name")
  const clip = node.read("clip", "CLIP")
  const textStrength = node.number("strength_clip", STRENGTH)
  const loras = textStrength === 0 ? clip.loras : [...clip.loras, { node: node.id, name, strength: textStrength }]
  return [withLora(node, name), { ...clip, loras }]
}

export const modelLoraLoader: NodeRule = (node) => [withLora(node, node.text("lora_name"))]

function withLora(node: NodeReader, name: string): ModelValue {
  const model = node.read("model", "MODEL")
  const strength = node.number("strength_model", STRENGTH)
  return strength === 0 ? model : { ...model, loras: [...model.loras, { node: node.id, name, strength }] }
}

export const clipSetLastLayer: NodeRule = (node) => [
  { ...node.read("clip", "CLIP"), clipSkip: -node.number("stop_at_clip_layer", { integer: true, min: -12, max: -1 }) },
]

/** Changes what the network is taken to predict. */
export const modelSampling: NodeRule = (node) => {
  const model = node.read("model", "MODEL")
  const sampling = node.choice("sampling", ["eps", "v_prediction"])
  const zeroTerminalSnr = node.flag("zsnr") ? true : null
  return [{ ...model, prediction: sampling === "eps" ? "epsilon" : "v", zeroTerminalSnr }]
}

export const rescaleCfg: NodeRule = (node) => [
  { ...node.read("model", "MODEL"), guidanceRescale: node.number("multiplier", { min: 0, max: 1 }) },
]

/**
 * kohya's loader of LLLites. It counts calls of the network: with `steps` it acts from one step to another, and without
 * it always. Its patches run in the order of the nodes.
 */
export const llliteLoader: NodeRule = (node) => {
  const model = node.read("model", "MODEL")
  const name = node.text("model_name")
  const image = node.read("cond_image", "IMAGE")
  const strength = node.number("strength", STRENGTH)
  const steps = node.number("steps", { integer: true, min: 0, max: 10_000 })
  const percent = { min: 0, max: 100 } as const
  const [start, end] = [node.number("start_percent", percent), node.number("end_percent", percent)]
  // An end of 0 is the end of the run. Without steps, the node does not look at either.
  const window =
    steps === 0 ? { start: 0, end: 1, steps: null } : { start: start / 100, end: end === 0 ? 1 : end / 100, steps }
  const use = {
    node: node.id,
    kind: "lllite",
    name,
    controlType: null,
    image,
    strength,
    window,
    onBoth: true,
    mask: null,
    schedule: null,
  } as const
  return [{ ...model, lllites: strength === 0 ? model.lllites : [...model.lllites, use] }]
}

/** A value that stands in a node of its own. */
export const primitive: NodeRule = (node): readonly WorkflowValue[] => [{ type: "VALUE", value: node.plain("value") }]
