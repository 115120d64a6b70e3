import type { Tensor4D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { type PreparedMask, rowsOf } from "../masked-tap.ts"
import type { Residuals } from "../unet/walk.ts"

/** Residuals of every input block, and of the middle. */
export interface ControlNetResiduals extends Residuals {
  readonly skips: readonly Tensor4D[]
  readonly middle: Tensor4D
}

/** Computes residuals, and disposes all other tensors that are made meanwhile. */
export function tidyResiduals(compute: () => ControlNetResiduals): ControlNetResiduals {
  const tensors = tf.tidy(() => {
    const { skips, middle } = compute()
    return [...skips, middle]
  })
  return { skips: tensors.slice(0, -1), middle: tensors.at(-1) as Tensor4D }
}

/**
 * The factor on each residual: the strength, and in guess mode 10^(-1 + i / 9) times the strength. So a deeper residual
 * counts more, and the middle counts fully.
 *
 * Source: diffusers `models/controlnets/controlnet.py`, `guess_mode`.
 *
 * @param count residuals, with the middle as the last one
 */
export function residualScales(count: number, strength: number, guessMode: boolean): readonly number[] {
  return Array.from({ length: count }, (_, i) => (guessMode ? strength * 10 ** (i / (count - 1) - 1) : strength))
}

/** The residuals times their factors. New tensors. */
export function scaleResiduals({ skips, middle }: ControlNetResiduals, scales: readonly number[]): ControlNetResiduals {
  const scaled = [...skips, middle].map((residual, i) => tf.mul(residual, scales[i] ?? 1) as Tensor4D)
  return { skips: scaled.slice(0, -1), middle: scaled.at(-1) as Tensor4D }
}

/**
 * The residuals times a mask, and times a factor for each row. New tensors where there is something to multiply.
 *
 * Source: ComfyUI-Advanced-ControlNet `adv_control/utils.py`, `apply_advanced_strengths_and_masks`.
 *
 * @param sides one factor for each row
 */
export function placeResiduals(
  residuals: ControlNetResiduals,
  { mask, sides }: { readonly mask: PreparedMask | null; readonly sides: readonly number[] },
): ControlNetResiduals {
  const isEven = sides.every((side) => side === 1)
  if (mask === null && isEven) return residuals
  const placed = [...residuals.skips, residuals.middle].map((residual) => {
    const [rows, height, width] = residual.shape
    const sided = isEven ? residual : tf.mul(residual, tf.tensor4d([...sides], [rows, 1, 1, 1]))
    return (mask === null ? sided : tf.mul(sided, rowsOf(mask.at({ height, width }), residual))) as Tensor4D
  })
  return { skips: placed.slice(0, -1), middle: placed.at(-1) as Tensor4D }
}

/** Sums of the residuals of several ControlNets, or null of none. New tensors, if there are several. */
export function sumResiduals(all: readonly ControlNetResiduals[]): ControlNetResiduals | null {
  const [first, ...rest] = all
  if (first === undefined) return null
  return rest.reduce(
    (sum, one) => ({
      skips: sum.skips.map((skip, i) => tf.add(skip, one.skips[i] as Tensor4D) as Tensor4D),
      middle: tf.add(sum.middle, one.middle) as Tensor4D,
    }),
    first,
  )
}
