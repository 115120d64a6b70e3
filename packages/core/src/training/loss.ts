import * as tf from "@tensorflow/tfjs-core"
import { checkArgument, checkArguments, checkChoice } from "../argument.ts"
import type { Prediction } from "../diffusion/names.ts"
import { PREDICTIONS } from "../diffusion/names.ts"
import { CoreError } from "../errors.ts"
import { checkRanges } from "../number-range.ts"
import type { HuberSchedule, LossType } from "./names.ts"
import { HUBER_SCHEDULES, LOSS_TYPES } from "./names.ts"
import { HUBER_RANGES, LOSS_WEIGHT_RANGES } from "./ranges.ts"

/** The point where the Huber losses change from quadratic to linear, over a run's noise levels. */
export interface HuberOptions {
  /**
   * `constant`, `exponential` (falls from 1 to `delta` over the timesteps), or `snr` (falls with the noise level).
   */
  readonly schedule: HuberSchedule
  /** The end of the curve, sd-scripts' `huber_c`. Default: 0.1. */
  readonly delta?: number
  /** Factor on the whole curve, sd-scripts' `huber_scale`. Not with `snr`. Default: 1. */
  readonly scale?: number
}

/**
 * The turning point of the Huber losses at a timestep of `timesteps` (1000 in SDXL) with noise level `sigma`.
 *
 * Source: sd-scripts `get_huber_threshold_if_needed`; Khrapov et al. 2024 (arXiv:2403.16728) for the schedules.
 *
 * @throws CoreError when the schedule is unknown, delta or scale is not above 0, or a scale is given with `snr`.
 */
export function huberDelta(options: HuberOptions, timestep: number, timesteps: number, sigma: number): number {
  checkArgument("loss: the options", options, "an object")
  const { schedule, delta = 0.1, scale = 1 } = options
  checkArguments("loss", "a finite number", { timestep, timesteps, sigma })
  checkRanges("loss", { delta, scale }, HUBER_RANGES)
  switch (schedule) {
    case "constant":
      return delta * scale
    case "exponential":
      return delta ** (timestep / timesteps) * scale
    case "snr":
      if (scale !== 1)
        throw new CoreError("option-conflict", 'loss: the Huber schedule "snr" has no scale. Leave it out.')
      return (1 - delta) / (1 + sigma) ** 2 + delta
    default:
      throw new CoreError(
        "option-unknown",
        `loss: no Huber schedule "${String(schedule)}". There are: ${HUBER_SCHEDULES.join(", ")}.`,
      )
  }
}

/**
 * The loss of every value, differentiable in the prediction. prediction, target: [N, ...] → [N, ...]
 *
 * l2: d². l1: |d|. huber: 2c (sqrt(d² + c²) - c). smooth_l1: 2 (sqrt(d² + c²) - c). The last two are the pseudo-Huber
 * loss. For large d they behave as 2c |d| and as 2 |d|.
 *
 * @param deltas c of each row, for the Huber losses only; see `huberDelta`.
 * @throws CoreError when the type is unknown, the shapes differ, or deltas are missing, of another number, or needless.
 */
export function elementwiseLoss(
  prediction: tf.Tensor,
  target: tf.Tensor,
  type: LossType,
  deltas?: readonly number[],
): tf.Tensor {
  checkArgument("loss: the prediction", prediction, "a tensor")
  checkArgument("loss: the target", target, "a tensor")
  if (prediction.shape.join() !== target.shape.join()) {
    throw new CoreError(
      "shape",
      `loss: prediction is [${prediction.shape.join(", ")}], target [${target.shape.join(", ")}]`,
    )
  }
  if (!LOSS_TYPES.includes(type)) {
    throw new CoreError("option-unknown", `loss: no loss "${String(type)}". There are: ${LOSS_TYPES.join(", ")}.`)
  }
  const rows = prediction.shape[0] as number
  const needsDeltas = type === "huber" || type === "smooth_l1"
  if (needsDeltas && deltas?.length !== rows) {
    throw new CoreError(
      "row-count",
      `loss: "${type}" needs ${rows} deltas, one per row, got ${deltas?.length ?? "none"}`,
    )
  }
  if (!needsDeltas && deltas !== undefined)
    throw new CoreError("option-conflict", `loss: "${type}" has no deltas. Leave them out.`)
  return tf.tidy(() => {
    const difference = tf.sub(prediction, target)
    if (type === "l1") return tf.abs(difference)
    const squared = tf.square(difference)
    if (type === "l2" || deltas === undefined) return squared
    const delta = tf.tensor(
      Float32Array.from(deltas),
      prediction.shape.map((_, axis) => (axis === 0 ? rows : 1)),
    )
    // sqrt(d² + c²) - c loses all digits where d is small. d² / (sqrt(d² + c²) + c) is equal and keeps them.
    const root = tf.sqrt(tf.add(squared, tf.square(delta)))
    const halved = tf.div(squared, tf.add(root, delta))
    return tf.mul(halved, type === "huber" ? tf.mul(delta, 2) : 2)
  })
}

/** Options for the weight of a sample's loss by its signal to noise ratio. */
export interface LossWeightOptions {
  /** Min-SNR: Hang et al. 2023 (arXiv:2303.09556); 5 is usual. */
  readonly minSnrGamma?: number
  /** Weights v losses as if noise were predicted. For v only. */
  readonly scaleVLikeNoise?: boolean
  /** Adds this share of the loss, weighted as if v were predicted. For epsilon only. */
  readonly vPredictionLike?: number
  /** Debiased estimation: Yu et al. 2023 (arXiv:2310.08442). */
  readonly debiased?: boolean
}

/** The ratio at which sd-scripts clamps the signal to noise ratio. */
const LARGEST_SNR = 1000

/**
 * The factor on the loss of a sample with signal to noise ratio `snr`. The ratio is that of the schedule before a
 * rescaling to zero terminal SNR; see `snrAt`.
 *
 * Source: sd-scripts `library/custom_train_functions.py`.
 *
 * @throws CoreError when an option does not go with the prediction, or is out of range.
 */
export function lossWeight(options: LossWeightOptions, prediction: Prediction, snr: number): number {
  checkArgument("loss: the options", options, "an object")
  const { minSnrGamma, scaleVLikeNoise = false, vPredictionLike, debiased = false } = options
  checkChoice("loss", "prediction", prediction ?? "", PREDICTIONS)
  checkArgument("loss: the signal to noise ratio", snr, "a number")
  const isV = prediction === "v"
  checkRanges("loss", { minSnrGamma, vPredictionLike }, LOSS_WEIGHT_RANGES)
  const limited = Math.min(snr, LARGEST_SNR)
  let weight = 1
  if (minSnrGamma !== undefined) {
    weight *= Math.min(snr, minSnrGamma) / (isV ? snr + 1 : snr)
  }
  if (scaleVLikeNoise) {
    if (!isV)
      throw new CoreError("option-conflict", 'loss: scaleVLikeNoise is for a network that predicts "v", got "epsilon"')
    weight *= limited / (limited + 1)
  }
  if (vPredictionLike !== undefined) {
    if (isV)
      throw new CoreError("option-conflict", 'loss: vPredictionLike is for a network that predicts "epsilon", got "v"')
    weight *= 1 + (vPredictionLike * (limited + 1)) / limited
  }
  if (debiased) weight *= isV ? 1 / (limited + 1) : 1 / Math.sqrt(limited)
  return weight
}

/**
 * The loss of a batch: the mean of each row, times its weight, averaged over the rows. losses: [N, ...] → scalar
 *
 * @throws CoreError when there is not one weight per row.
 */
export function weightedMean(losses: tf.Tensor, weights: readonly number[]): tf.Scalar {
  checkArgument("loss: the losses", losses, "a tensor")
  checkArgument("loss: the weights", weights, "a list")
  for (const weight of weights) checkArgument("loss: a weight", weight, "a number")
  const rows = losses.shape[0] as number
  if (weights.length !== rows)
    throw new CoreError("row-count", `loss: expected ${rows} weights, one per row, got ${weights.length}`)
  return tf.tidy(() => {
    const perRow = tf.mean(tf.reshape(losses, [rows, -1]), 1)
    return tf.mean(tf.mul(perRow, tf.tensor1d(Float32Array.from(weights)))) as tf.Scalar
  })
}
