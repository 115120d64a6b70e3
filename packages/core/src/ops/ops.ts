import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import type { WeightEntry } from "./weight-entry.ts"

/** A frozen tensor of a base model. Only the ops that made it can read it; nothing differentiates with respect to it. */
export interface Weight {
  readonly kind: string
  /** Shape as in the file. */
  readonly shape: readonly number[]
  /** Bytes it holds on the device. */
  readonly bytes: number
  dispose(): void
}

/** `weight` [out, in], `bias` [out]. */
export interface LinearWeight extends Weight {
  readonly kind: "linear"
}

/** `weight` [out, in, kh, kw], `bias` [out]. */
export interface Conv2dWeight extends Weight {
  readonly kind: "conv2d"
}

/** Scale and shift of a normalisation, [C] each. */
export interface NormWeight extends Weight {
  readonly kind: "norm"
}

/** Rows [count, width] that are looked up by index. */
export interface TableWeight extends Weight {
  readonly kind: "table"
}

/** Takes weights from a file to the device, one at a time, in the file's own layout. */
export interface WeightLoader {
  linear(weight: WeightEntry, bias: WeightEntry | null): Promise<LinearWeight>
  conv2d(weight: WeightEntry, bias: WeightEntry | null): Promise<Conv2dWeight>
  norm(scale: WeightEntry, shift: WeightEntry): Promise<NormWeight>
  table(rows: WeightEntry): Promise<TableWeight>
}

/** Zeros around a picture: [top, bottom, left, right]. */
export type Padding = readonly [top: number, bottom: number, left: number, right: number]

export interface Conv2dOptions {
  readonly stride: 1 | 2
  readonly padding: Padding
}

export interface GroupNormOptions {
  readonly groups: number
  readonly epsilon: number
  /** Follow with SiLU. */
  readonly silu: boolean
}

export interface AttentionOptions {
  readonly heads: number
  /** A token sees itself and what came before it. */
  readonly causal: boolean
}

export interface DenseOptions {
  /** Whether x depends on anything that is differentiated. The gradient at x is computed unless this is false. */
  readonly inputGradient: boolean
}

/** A layer that trains. weight: [in, out], bias: [out] */
export interface DenseParams {
  readonly weight: Tensor2D
  readonly bias: Tensor1D
}

/** What an LLLite adapter is after its `down`. */
export interface AdapterTail {
  /** Of `mid`, the part that reads `down`. [mlpDim, mlpDim] */
  readonly midDown: Tensor2D
  /** `mid`'s share of the control, bias included; sample n reads number n modulo count. [count, T, mlpDim] */
  readonly share: Tensor3D
  readonly up: DenseParams
}

/** How much of an adapter's delta is added, 1 for all of it: [adapters][samples]. */
export type AdapterStrengths = readonly (readonly number[])[]

/**
 * Pieces of memory that a trim gives back are at least as large. Smaller ones are many and hold little: a training step
 * of SDXL at 1024 px that kept none of them would make half as many pieces again, to save 20 MiB.
 */
export const TRIMMED_BYTES = 2 ** 20

/**
 * What a runtime gives core: the verbs of the networks on its device. Every verb is differentiable with respect to its
 * tensors (never its weights), with a vector-Jacobian product of its own, so that the tape sees one node per verb.
 * Results are new tensors; inputs are left alone.
 */
export interface Ops {
  readonly load: WeightLoader
  /** Bytes of the largest tensor that the device takes. Default: any size. */
  readonly maxTensorBytes?: number
  /**
   * Gives memory back that the device holds for tensors which are gone, in pieces of {@link TRIMMED_BYTES} and more.
   * Called between phases whose tensors have other shapes: text, U-Net and VAE, their levels and blocks.
   */
  trim?(): void
  /** Affine map of the last axis. x: [..., in] → [..., out] */
  linear(x: Tensor, weight: LinearWeight): Tensor
  /** x: [N, H, W, Cin] → [N, H', W', Cout] */
  conv2d(x: Tensor4D, weight: Conv2dWeight, options: Conv2dOptions): Tensor4D
  /** x: [N, H, W, C] → same; statistics per sample and group of channels. */
  groupNorm(x: Tensor4D, weight: NormWeight, options: GroupNormOptions): Tensor4D
  /** Normalises the last axis. x: [..., C] → same */
  layerNorm(x: Tensor, weight: NormWeight, epsilon: number): Tensor
  /** Rows of a table. indices: N lists of T integers → [N, T, width] */
  lookUp(table: TableWeight, indices: readonly ArrayLike<number>[]): Tensor3D
  /** softmax(q kᵀ / √d) v by heads. q: [N, T, heads·d], k and v: [N, S, heads·d] → [N, T, heads·d] */
  attention(q: Tensor3D, k: Tensor3D, v: Tensor3D, options: AttentionOptions): Tensor3D
  /** First half times GELU of the second (erf form). h: [..., 2·C] → [..., C] */
  geglu(h: Tensor): Tensor
  /** x · sigmoid(x) */
  silu(x: Tensor): Tensor
  /** x · Φ(x), erf form */
  gelu(x: Tensor): Tensor
  /** x · sigmoid(1.702 x), as CLIP-L was trained with */
  quickGelu(x: Tensor): Tensor
  /** Nearest neighbour. x: [N, H, W, C] → [N, 2H, 2W, C] */
  upsample2x(x: Tensor4D): Tensor4D
  /**
   * Affine map with weights that train: gradients flow to all of them. An adapter is made of this.
   * x: [..., in], weight: [in, out], bias: [out] or none → [..., out]
   */
  dense(x: Tensor, weight: Tensor, bias: Tensor | null, options?: DenseOptions): Tensor
  /** max(x, 0) */
  relu(x: Tensor): Tensor
  /**
   * LLLite's adapters that read the same x, for each x + strength · up(relu(midDown(relu(down x)) + share)). Their
   * `down` are one layer, with outputs side by side. Optional: `adapt` makes it of `dense` and `relu`.
   * x: [N, T, C], down: [C, Σ mlpDim] → [N, T, C] for every adapter
   *
   * @param strengths for every adapter one for each of the N samples
   */
  adapt?(
    x: Tensor3D,
    down: DenseParams,
    adapters: readonly AdapterTail[],
    strengths: AdapterStrengths,
  ): readonly Tensor3D[]
}
