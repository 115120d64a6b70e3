import type { ControlNetLayout } from "@lllite/format/identify"
import type { LinearWeight } from "../../ops/ops.ts"
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
}
