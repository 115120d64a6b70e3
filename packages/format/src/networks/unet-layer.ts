import type { NetworkLayer } from "./layer.ts"

/** The part of the U-Net: before the blocks, way down, middle, way up, after the blocks. */
export type UnetSection = "embedding" | "input" | "middle" | "output" | "end"

/** The name of a U-Net's block for people. */
export type UnetBlockName = "embedding" | `input ${number}` | "middle" | `output ${number}` | "end"

/**
 * The layer's role in its block. `q k v out` belong to an attention, `ff-in ff-out` to a feed-forward, `norm1` to
 * `norm3` to a transformer block, `norm proj-in proj-out` to a transformer, `in-norm conv1 embedding out-norm conv2
 * skip` to a residual block; `time` and `size` are the two embeddings.
 */
export type UnetRole =
  | "time1"
  | "time2"
  | "size1"
  | "size2"
  | "first-conv"
  | "in-norm"
  | "conv1"
  | "embedding"
  | "out-norm"
  | "conv2"
  | "skip"
  | "norm"
  | "proj-in"
  | "q"
  | "k"
  | "v"
  | "out"
  | "ff-in"
  | "ff-out"
  | "norm1"
  | "norm2"
  | "norm3"
  | "proj-out"
  | "downsample"
  | "upsample"
  | "last-norm"
  | "last-conv"

/** One layer of SDXL's U-Net. */
export interface UnetLayer extends NetworkLayer {
  /** The same layer in the names of diffusers: `down_blocks.1.attentions.0.proj_in`. */
  readonly diffusersPath: string
  readonly section: UnetSection
  readonly block: UnetBlockName
  /** 4 of `input 4`. 0 for blocks without a number. */
  readonly blockIndex: number
  /** Index of the transformer block inside the block's transformer, or null outside transformer blocks. */
  readonly index: number | null
  /** `self` is the checkpoint's attn1, `cross` its attn2. Null for layers outside of an attention. */
  readonly attention: "self" | "cross" | null
  readonly role: UnetRole
}
