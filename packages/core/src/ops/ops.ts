import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core"
import type { WeightEntry } from "./weight-entry.ts"

/** A frozen tensor of a base model. Only the ops that made it can read it. It has no gradient. */
export interface Weight {
  readonly kind: string
  /** Shape as in the file. */
  readonly shape: readonly number[]
  /** Bytes that it holds on the device. */
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

/** Rows [count, width] for lookup by index. */
export interface TableWeight extends Weight {
  readonly kind: "table"
}

/** Loads weights from a file to the device, one at a time. Entries have the file's layout. */
export interface WeightLoader {
  linear(weight: WeightEntry, bias: WeightEntry | null): Promise<LinearWeight>
  conv2d(weight: WeightEntry, bias: WeightEntry | null): Promise<Conv2dWeight>
  norm(scale: WeightEntry, shift: WeightEntry): Promise<NormWeight>
  table(rows: WeightEntry): Promise<TableWeight>
  /**
   * A loader for networks whose values are never rounded to float16. SDXL's VAE exceeds its range. Text encoders run once
   * for a prompt, and their errors are in every step. Default: this loader.
   */
  readonly wide?: Omit<WeightLoader, "wide">
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
  /** A token reads itself and the tokens before it. */
  readonly causal: boolean
  /**
   * Whether keys or values depend on a tensor that needs a gradient. If false, they get none. Default: true.
   */
  readonly keysGradient?: boolean
}

/** One thing each for queries, keys and values. */
export type QueryKeyValue<T> = readonly [q: T, k: T, v: T]

export interface DenseOptions {
  /**
   * Whether x depends on a tensor that needs a gradient. If false, the gradient at x is not computed. Default: true.
   */
  readonly inputGradient: boolean
}

export interface StackSlopeOptions extends DenseOptions {
  /** Whether x was made by `relu`. If true, the gradient is that before it: 0 where x is 0. Default: false. */
  readonly isRectified?: boolean
}

/** A layer that trains. weight: [in, out], bias: [out] */
export interface DenseParams {
  readonly weight: Tensor2D
  readonly bias: Tensor1D
}

/** Layers of one shape that train. weight: [count, in, out], bias: [count · out] */
export interface DenseStack {
  readonly weight: Tensor3D
  readonly bias: Tensor1D
}

/** The layers of an LLLite adapter after its `down`. */
export interface AdapterTail {
  /** The part of `mid` that reads `down`. [mlpDim, mlpDim] */
  readonly midDown: Tensor2D
  /** `mid`'s share of the control, bias included. Sample n reads number n modulo count. [count, T, mlpDim] */
  readonly share: Tensor3D
  readonly up: DenseParams
  /**
   * Factors on what `up` reads, [N, T, mlpDim], for dropout in training. `Ops.adapt` never gets them. Default: 1.
   */
  readonly keep?: Tensor3D
}

/**
 * LLLite's adapters of one width M that read the same x of C channels. Their values are one tensor, see `adapterLayout`.
 */
export interface AdapterGroup {
  /** A row for each adapter. [adapters, size of an adapter's values] */
  readonly values: Tensor2D
  /** `mid`'s shares of the control, bias included. Sample n reads number n modulo count. [adapters, count, T, M] */
  readonly share: Tensor4D
}

/** The factor on each adapter's delta, for every sample: [adapters][samples]. 1 adds all of it. */
export type AdapterStrengths = readonly (readonly number[])[]

/**
 * A part of a network, such as a transformer block with the adapters in it. A runtime may record the ops of one part
 * and run the record for all parts of the same key. Their ops differ in nothing but the tensors in `x`, `reads` and
 * `trained`.
 */
export interface NetworkPart<X extends Tensor, Y extends Tensor> {
  /** Names the ops and every number that they contain, except for shapes of the tensors that are read. */
  readonly key: string
  /** The input. It gets a gradient. */
  readonly x: X
  /** Everything else that the ops read and that gets no gradient, in an order that the key decides. */
  readonly reads: readonly (Tensor | Weight)[]
  /** Everything else that gets a gradient, in an order that the key decides. */
  readonly trained: readonly Tensor[]
  /** Runs the ops one by one. It makes one new tensor, and reads no other tensors than those above. */
  readonly run: (x: X) => Y
}

/**
 * A pass of a whole network without gradients. A runtime may record its ops and run the record again for all passes of
 * the same key that read the same things: their ops differ in nothing but the values of the inputs.
 */
export interface RepeatedPass<Y extends Tensor> {
  /** Names the ops and every number that they contain, except for shapes of tensors. */
  readonly key: string
  /** Tensors whose values may differ from pass to pass. */
  readonly inputs: readonly Tensor[]
  /**
   * Everything else that the ops read: tensors, weights, networks or caches of tensors. Their values never change, so
   * the same object stands for the same values.
   */
  readonly reads: readonly object[]
  /** Runs the ops one by one, on tensors of the inputs' shapes. It makes one new tensor. */
  readonly run: (inputs: readonly Tensor[]) => Y
}

/** The smallest piece of memory that a trim frees, in bytes. Smaller pieces are many and hold little. */
export const TRIMMED_BYTES = 2 ** 16

/**
 * The smallest piece of memory that is freed where a pool would hold too much, in bytes. Without smaller ones, a training step
 * of SDXL at 1024 px saves 20 MiB and makes half as many pieces again.
 */
export const ROOM_BYTES = 2 ** 20

/**
 * Bytes that a pool holds for tensors, idle ones included, unless `Ops.pool` says otherwise. It holds more where tensors in
 * use have needed more since the last trim. With this much, SDXL in 16 bits makes a guided picture of 1024 px in 7 GiB.
 */
export const POOLED_BYTES = 0.65 * 2 ** 30

/**
 * The same for training, whose blocks of other shapes take turns in each step. So they do without new memory where there is
 * little, and in no more memory than one of them needs where there is much. A step of SDXL holds 2.0 GiB at 512 px.
 */
export const TRAINING_POOLED_BYTES = 2.5 * 2 ** 30

/**
 * The verbs of the networks on a runtime's device. Every verb is differentiable with respect to its tensors, and never
 * its weights. It has a hand-written vector-Jacobian product, so that the tape has one node for each verb. Results are
 * new tensors. Inputs stay.
 */
export interface Ops {
  readonly load: WeightLoader
  /** Bytes of the largest tensor that the device takes. Default: any size. */
  readonly maxTensorBytes?: number
  /**
   * Frees memory that the device keeps of disposed tensors, in pieces of {@link TRIMMED_BYTES} and more. Core calls it
   * between phases whose tensors have other shapes: text, U-Net and VAE. Default: nothing.
   */
  trim?(): void
  /**
   * Bounds the memory that the device keeps for tensors, idle memory included. Core calls it where a kind of work begins.
   * Default: {@link POOLED_BYTES}
   */
  pool?(bytes: number): void
  /**
   * Runs a part of a network as one call, and its backward pass as another, with the results of `part.run`. Tensors
   * that the part reads have to live until the backward pass. Default: `part.run`.
   */
  runPart?<X extends Tensor, Y extends Tensor>(part: NetworkPart<X, Y>): Y
  /** Runs a pass as one call, with the result of `pass.run` on its inputs. Default: `pass.run`. */
  runPass?<Y extends Tensor>(pass: RepeatedPass<Y>): Y
  /**
   * x with its values in float16, in half the memory. Verbs compute in float32 as before. Their results are in float16
   * where their first tensor is, except for those of layers that train. So are sums, differences, products and parts of such
   * tensors. Core calls it where a network begins whose values stay within float16's range. Default: x.
   */
  narrow?<T extends Tensor>(x: T): T
  /**
   * x with its values in float32 again. Core calls it before such a network's last layer. The slopes before it are in float16,
   * too, so that core scales a loss. Default: x.
   */
  widen?<T extends Tensor>(x: T): T
  /** Affine map of the last axis. x: [..., in] → [..., out] */
  linear(x: Tensor, weight: LinearWeight): Tensor
  /**
   * `linear`, plus a tensor of the result's shape, which gets a gradient, too.
   * Default: `linear`, and an addition.
   */
  linearPlus?(x: Tensor, weight: LinearWeight, plus: Tensor): Tensor
  /** `linear` of layers of one shape that read one x. Default: `linear` of each. x: [..., in] → [..., out] each */
  linearEach?(x: Tensor, weights: readonly LinearWeight[]): readonly Tensor[]
  /** GEGLU of `linear`. Default: `linear`, then `geglu`. x: [..., in], weight: [2·C, in] → [..., C] */
  linearGeglu?(x: Tensor, weight: LinearWeight): Tensor
  /** x: [N, H, W, Cin] → [N, H', W', Cout] */
  conv2d(x: Tensor4D, weight: Conv2dWeight, options: Conv2dOptions): Tensor4D
  /** As `linearPlus`, for `conv2d`. */
  conv2dPlus?(x: Tensor4D, weight: Conv2dWeight, options: Conv2dOptions, plus: Tensor4D): Tensor4D
  /**
   * `conv2d`, plus a value for each sample and channel, which gets no gradient. shift: [N, Cout]
   * Default: `conv2d`, and an addition.
   */
  conv2dShift?(x: Tensor4D, weight: Conv2dWeight, options: Conv2dOptions, shift: Tensor2D): Tensor4D
  /** Normalises every sample and group of channels. x: [N, H, W, C] → same */
  groupNorm(x: Tensor4D, weight: NormWeight, options: GroupNormOptions): Tensor4D
  /** Normalises the last axis. x: [..., C] → same */
  layerNorm(x: Tensor, weight: NormWeight, epsilon: number): Tensor
  /**
   * `groupNorm` of x, and x itself as a new tensor for its other readers. So the gradients of both meet in the norm's.
   * Default: `groupNorm`, and x. → [normed, x]
   */
  groupNormBeside?(x: Tensor4D, weight: NormWeight, options: GroupNormOptions): readonly [normed: Tensor4D, x: Tensor4D]
  /** As `groupNormBeside`, for `layerNorm`. */
  layerNormBeside?(x: Tensor, weight: NormWeight, epsilon: number): readonly [normed: Tensor, x: Tensor]
  /** Rows of a table. indices: N lists of T integers → [N, T, width] */
  lookUp(table: TableWeight, indices: readonly ArrayLike<number>[]): Tensor3D
  /** softmax(q kᵀ / √d) v by heads. q: [N, T, heads·d], k and v: [N, S, heads·d] → [N, T, heads·d] */
  attention(q: Tensor3D, k: Tensor3D, v: Tensor3D, options: AttentionOptions): Tensor3D
  /**
   * Attention of tokens to each other: `attention` of the queries, keys and values that three layers of one shape give.
   * xs are the layers' inputs, which may be one tensor three times. Default: `linear` of each, then `attention`.
   * xs: [N, T, C] each, layers: [heads·d, C] each → [N, T, heads·d]
   */
  selfAttention?(xs: QueryKeyValue<Tensor3D>, layers: QueryKeyValue<LinearWeight>, options: AttentionOptions): Tensor3D
  /** First half times GELU of the second half (erf form). h: [..., 2·C] → [..., C] */
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
   * Affine map with weights that train. All of them get gradients. Adapters consist of this layer.
   * x: [..., in], weight: [in, out], bias: [out] or none → [..., out]
   */
  dense(x: Tensor, weight: Tensor, bias: Tensor | null, options?: DenseOptions): Tensor
  /**
   * Several layers of `dense` side by side, which read one x or one each. A runtime has it where this is faster than one
   * after another. x: [1 or count, rows, in] → [count, rows, out]
   */
  denseStack?(x: Tensor3D, layers: DenseStack, options?: DenseOptions): Tensor3D
  /**
   * The gradients of `denseStack`, from that at its result. A runtime has it where a forward pass that is made again
   * takes longer than what it saves in memory. Default: the forward pass is made again, on a tape.
   * → the gradients at x, unless there is none, at the weight and at the bias
   */
  denseStackSlopes?(x: Tensor3D, layers: DenseStack, dy: Tensor3D, options?: StackSlopeOptions): readonly Tensor[]
  /** max(x, 0) */
  relu(x: Tensor): Tensor
  /**
   * LLLite's adapters that read the same x. Each gives x + strength · up(relu(midDown(relu(down x)) + share)). Their
   * `down` are one layer, with outputs side by side. Default: `adapt` computes it from `dense` and `relu`.
   * x: [N, T, C], down: [C, Σ mlpDim] → [N, T, C] for every adapter
   *
   * @param strengths for every adapter, one number for each of the N samples
   */
  adapt?(
    x: Tensor3D,
    down: DenseParams,
    adapters: readonly AdapterTail[],
    strengths: AdapterStrengths,
  ): readonly Tensor3D[]
  /**
   * `adapt` of adapters whose values are one tensor and whose strengths are equal. A runtime has it where a few large
   * calls are faster than many small ones.
   *
   * @param strengths one number for each of the N samples
   */
  adaptGroup?(x: Tensor3D, group: AdapterGroup, strengths: readonly number[]): readonly Tensor3D[]
}
