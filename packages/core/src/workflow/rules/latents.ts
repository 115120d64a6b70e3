import type { NodeRule } from "../node-rule.ts"
import type { BatchPart, LatentValue } from "../values.ts"
import { resizeOf } from "./resize.ts"

/* Nodes that make and change latents. */

const SIDE = { integer: true, min: 16, max: 16_384 } as const
const INDEX = { integer: true, min: 0, max: 63 } as const
const PART = { integer: true, min: 1, max: 64 } as const
const COUNT = { integer: true, min: 1, max: 4096 } as const

export const emptyLatent: NodeRule = (node) => [
  {
    ...{ type: "LATENT", made: "empty", ...wholeBatch(node.number("batch_size", COUNT)) },
    ...{ width: node.number("width", SIDE), height: node.number("height", SIDE) },
  },
]

function wholeBatch(batch: number): BatchPart {
  return { batch, firstOfBatch: 0, ofBatch: batch }
}

export const vaeEncode: NodeRule = (node) => [
  {
    ...{ type: "LATENT", made: "encoded", ...wholeBatch(1), mask: null },
    ...{ image: node.read("pixels", "IMAGE"), vae: node.read("vae", "VAE") },
  },
]

export const vaeDecode: NodeRule = (node) => [
  { type: "IMAGE", made: "decoded", latents: node.read("samples", "LATENT"), vae: node.read("vae", "VAE") },
]

export const latentUpscale: NodeRule = (node) => [
  { type: "LATENT", made: "resized", latents: node.read("samples", "LATENT"), resize: resizeOf(node) },
]

export const repeatBatch: NodeRule = (node) => {
  const latents = node.read("samples", "LATENT")
  const amount = node.number("amount", COUNT)
  const isPart = latents.made === "empty" || latents.made === "encoded"
  if (amount === 1) return [latents]
  if (!isPart) return node.refuse("repeats latents that a sampler has made, which cannot be followed")
  return latents.batch === latents.ofBatch
    ? [{ ...latents, ...wholeBatch(latents.batch * amount) }]
    : node.refuse("repeats a part of a batch, which cannot be followed. Repeat first, and take the part then")
}

/** Some pictures of a batch. Their noise is that of their places. Source: ComfyUI `nodes.py`, `LatentFromBatch`. */
export const latentFromBatch: NodeRule = (node) => {
  const latents = node.read("samples", "LATENT")
  const [first, length] = [node.number("batch_index", INDEX), node.number("length", PART)]
  if (latents.made !== "empty" && latents.made !== "encoded") {
    return node.refuse("takes pictures out of latents that a sampler has made, which cannot be followed")
  }
  const from = Math.min(latents.batch - 1, first)
  return [
    {
      ...latents,
      batch: Math.min(latents.batch - from, length),
      firstOfBatch: latents.firstOfBatch + from,
    },
  ]
}

/** Latents that change in a part of the picture. */
export const noiseMask: NodeRule = (node) => {
  const latents = node.read("samples", "LATENT")
  const mask = node.read("mask", "MASK")
  return latents.made === "encoded"
    ? [{ ...latents, mask }]
    : node.refuse("masks latents that are not of a picture, which cannot be followed")
}

/** A picture whose masked part is grey before it is encoded. */
export const vaeEncodeForInpaint: NodeRule = (node) => {
  const [latents] = vaeEncode(node)
  const grown = node.number("grow_mask_by", { integer: true, min: 0, max: 64 })
  if (grown > 0) node.notice(`grows the mask by ${grown} px, which is not done here`)
  const masked = { maskedContent: "grey", mask: node.read("mask", "MASK") } as const
  return [{ ...(latents as LatentValue & { readonly made: "encoded" }), ...masked }]
}

/** What a U-Net for inpainting reads: a picture and its mask. Both prompts pass. */
export const inpaintConditioning: NodeRule = (node) => {
  if (!node.flag("noise_mask")) node.refuse("has no noise_mask, which cannot be followed. Set it to true")
  const [latents] = vaeEncode(node)
  const masked = { ...(latents as LatentValue & { readonly made: "encoded" }), mask: node.read("mask", "MASK") }
  return [node.read("positive", "CONDITIONING"), node.read("negative", "CONDITIONING"), masked]
}
