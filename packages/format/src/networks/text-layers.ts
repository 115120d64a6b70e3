import { expectArgument } from "../argument.ts"
import type { NetworkLayer } from "./layer.ts"

/** The linear layers in each block of a CLIP text encoder. */
export type TextRole = "q" | "k" | "v" | "out" | "ff-in" | "ff-out"

/** One linear layer of a text encoder. */
export interface TextLayer extends NetworkLayer {
  readonly network: "text1" | "text2"
  readonly kind: "linear"
  readonly role: TextRole
  /** Index of the encoder's block, from 0. */
  readonly index: number
}

/** One block of a text encoder by its linear layers. */
export type TextBlockFigure = Readonly<Record<"q" | "k" | "v" | "out" | "feedIn" | "feedOut", TextLayer>>

/**
 * A block of a CLIP text encoder, in transformers' names. A LoRA's keys use these names for both of SDXL's encoders.
 *
 * @param index index of the block, from 0
 * @param width channels of the encoder's states
 */
export function textBlockFigure(network: "text1" | "text2", index: number, width: number): TextBlockFigure {
  expectArgument(network === "text1" || network === "text2", "the text encoder", network, "text1 or text2")
  expectArgument(Number.isSafeInteger(index) && index >= 0, "the layer's number", index, "a whole number from 0")
  expectArgument(Number.isSafeInteger(width) && width > 0, "the width", width, "a whole number above 0")
  const layer = (role: TextRole, tail: string, inDim = width, outDim = width): TextLayer => ({
    ...{ network, path: `encoder.layers.${index}.${tail}`, block: `layer ${index}`, kind: "linear" },
    ...{ inDim, outDim, kernel: 1, stride: 1, bias: true, role, index },
  })
  return {
    q: layer("q", "self_attn.q_proj"),
    k: layer("k", "self_attn.k_proj"),
    v: layer("v", "self_attn.v_proj"),
    out: layer("out", "self_attn.out_proj"),
    feedIn: layer("ff-in", "mlp.fc1", width, 4 * width),
    feedOut: layer("ff-out", "mlp.fc2", 4 * width, width),
  }
}
