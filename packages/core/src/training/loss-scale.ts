import type { Ops } from "../ops/ops.ts"

/** A loss and its gradients. */
interface Scaled {
  readonly loss: number
  readonly gradients: Float32Array
  /** How often they were computed again. Absent: never. */
  readonly repeats?: number
}

/** The first factor on the loss, for each value of the prediction. A loss is a mean over these values. */
const FACTOR_PER_VALUE = 16

/** How much smaller the factor is after an overflow. */
const STEP = 16

/**
 * Gradients of a loss times a factor, without the factor. Where a runtime stores values in float16 (`Ops.narrow`), it
 * stores the slopes between layers so, too. Without the factor they would fall below float16's range. The factor is a power
 * of two, so that it changes no bit of a float32. Where a slope is above the range, the gradients are computed again with a
 * smaller factor. So they depend on their inputs alone, and not on the steps before.
 *
 * Source: Micikevicius et al. 2018 (arXiv:1710.03740).
 *
 * @param values of the prediction
 * @param attempt computes the gradients of the loss times a factor
 */
export async function withLossScale(
  { narrow }: Pick<Ops, "narrow">,
  values: number,
  attempt: (scale: number) => Promise<Scaled>,
): Promise<Scaled> {
  if (narrow === undefined) return attempt(1)
  let scale = FACTOR_PER_VALUE * 2 ** Math.ceil(Math.log2(values))
  for (let repeats = 0; ; repeats++) {
    const { loss, gradients } = await attempt(scale)
    // A loss that is not finite is not due to the factor.
    if (scale === 1 || !Number.isFinite(loss) || gradients.every(Number.isFinite)) {
      const result = { loss: loss / scale, gradients: gradients.map((gradient) => gradient / scale) }
      return repeats === 0 ? result : { ...result, repeats }
    }
    scale = Math.max(1, scale / STEP)
  }
}
