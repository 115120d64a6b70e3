import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkGiven } from "../../argument.ts"
import type { Ops } from "../../ops/ops.ts"
import { checkOps } from "../given.ts"
import type { ControlNetParams } from "./params.ts"

/**
 * Embeds control pictures, which is the same for all steps. picture: [count, H, W, 3] in 0 … 1 → [count, H/8, W/8, C]
 *
 * Source: lllyasviel/ControlNet `cldm/cldm.py`, `input_hint_block`.
 */
export function embedHint(ops: Ops, params: ControlNetParams, picture: Tensor4D): Tensor4D {
  checkOps("ControlNet", ops)
  checkGiven("ControlNet: the params", params, "hint", "loadControlNet")
  checkArgument("ControlNet: the picture", picture, "a tensor")
  const { hint } = params
  return tf.tidy(() =>
    hint.reduce<Tensor4D>((h, { layer, weight }, i) => {
      const y = ops.conv2d(h, weight, { stride: layer.stride, padding: [1, 1, 1, 1] })
      return i === hint.length - 1 ? y : (ops.silu(y) as Tensor4D)
    }, picture),
  )
}

/** The embedding of a control picture, with its type. */
export interface ControlNetHint {
  /** `embedHint` of the control pictures. [count, H/8, W/8, C] */
  readonly embedding: Tensor4D
  /** The row of its control type in a ControlNet Union. A ControlNet of one control type does not read it. */
  readonly type: number
}
