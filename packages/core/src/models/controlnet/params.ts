import type { ControlNetLayout } from "@lllite/format/identify"
import type { LinearWeight, NormWeight, TableWeight } from "../../ops/ops.ts"
import type { PlacedConv, PlacedLinear } from "../placed.ts"
import type { UnetBlock } from "../unet/params.ts"

/** A ControlNet for SDXL on a device. */
export interface ControlNetParams {
  readonly config: ControlNetLayout
  /** The layers that read the control picture, first to last. */
  readonly hint: readonly PlacedConv[]
  readonly timeEmbedding: readonly [PlacedLinear, PlacedLinear]
  readonly sizeEmbedding: readonly [PlacedLinear, PlacedLinear]
  readonly inputBlocks: readonly UnetBlock[]
  readonly middle: UnetBlock
  /** One 1×1 convolution after each input block. They are linear layers over pixels. */
  readonly zero: readonly LinearWeight[]
  /** The 1×1 convolution after the middle. */
  readonly middleZero: LinearWeight
  /** The parts that only a ControlNet of several control types has, or null. */
  readonly union: UnionParams | null
}

/** What joins the controls of a ControlNet Union. */
export interface UnionParams {
  /** Number of control types. */
  readonly types: number
  /** One row for each control type, which is added to the mean of a control of that type. */
  readonly tasks: TableWeight
  /** The transformer over the means of the controls and of the latents. */
  readonly blocks: readonly UnionBlockParams[]
  /** From a mean to a shift for each channel. */
  readonly shifts: LinearWeight
  /** The layers that read which control types are present. */
  readonly typeEmbedding: readonly [LinearWeight, LinearWeight]
}

/** A block of the transformer of a ControlNet Union. */
export interface UnionBlockParams {
  readonly norm1: NormWeight
  readonly qkv: LinearWeight
  readonly out: LinearWeight
  readonly norm2: NormWeight
  readonly feedIn: LinearWeight
  readonly feedOut: LinearWeight
}
