import { checkOptions, type OptionKinds } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { checkRanges } from "../number-range.ts"
import type { HuberOptions, LossWeightOptions } from "./loss.ts"
import type { LossType } from "./names.ts"
import { HUBER_SCHEDULES, LOSS_TYPES } from "./names.ts"
import type { NoiseOptions } from "./noise.ts"
import { checkNoise } from "./noise.ts"
import { HUBER_RANGES, LOSS_WEIGHT_RANGES, OBJECTIVE_RANGES, STRENGTH_RANGES } from "./ranges.ts"
import type { StrengthRange } from "./strength-range.ts"

/** The objective of a training: the distance of a prediction from the noise (or velocity) at random timesteps. */
export interface ObjectiveOptions {
  /** The first timestep of the range. Default: 0. */
  readonly minTimestep?: number
  /** The timestep after the last one of the range. Default: 1000. */
  readonly maxTimestep?: number
  /** Default: `l2`. */
  readonly loss?: LossType
  /** Options of the Huber losses. Default: the `snr` schedule. */
  readonly huber?: HuberOptions
  readonly weights?: LossWeightOptions
  /** What is added to the plain noise. Default: nothing. */
  readonly noise?: NoiseOptions
  /**
   * Trains on a schedule whose last timestep is noise alone (Lin et al. 2024, arXiv:2305.08891). It suits networks that
   * predict v. Default: as the checkpoint says.
   */
  readonly zeroTerminalSnr?: boolean
  /**
   * The share of numbers in the middle of each adapter that a step leaves out. The others grow, so that their sum
   * keeps its size (Srivastava et al. 2014). Default: 0.
   */
  readonly dropout?: number
  readonly gradientCheckpointing?: boolean
  /** Trains a range of strengths. It costs one more forward pass a step. Default: strength 1 alone. */
  readonly strengthRange?: StrengthRange
}

const KINDS: OptionKinds<ObjectiveOptions> = {
  minTimestep: "a number",
  maxTimestep: "a number",
  loss: "text",
  huber: "an object",
  weights: "an object",
  noise: "an object",
  zeroTerminalSnr: "true or false",
  dropout: "a number",
  gradientCheckpointing: "true or false",
  strengthRange: "an object",
}

const HUBER_KINDS: OptionKinds<HuberOptions> = { schedule: "text", delta: "a number", scale: "a number" }

const WEIGHT_KINDS: OptionKinds<LossWeightOptions> = {
  minSnrGamma: "a number",
  scaleVLikeNoise: "true or false",
  vPredictionLike: "a number",
  debiased: "true or false",
}

const STRENGTH_KINDS: OptionKinds<StrengthRange> = {
  min: "a number",
  floor: "a number",
  top: "a number",
  power: "a number",
  skew: "a number",
  gap: "a number",
}

/**
 * Checks the options of an objective.
 *
 * @throws CoreError for an unknown name, a number out of its range, or no timestep between the first and the last
 */
export function checkObjective(options: ObjectiveOptions): void {
  checkOptions("objective", options, KINDS)
  const { minTimestep = 0, maxTimestep = OBJECTIVE_RANGES.maxTimestep.max, loss = "l2", huber, weights } = options
  checkRanges("objective", { minTimestep, maxTimestep, dropout: options.dropout }, OBJECTIVE_RANGES)
  if (minTimestep >= maxTimestep) {
    throw new CoreError(
      "option-conflict",
      `objective: minTimestep is ${minTimestep} and maxTimestep ${maxTimestep}, expected minTimestep below maxTimestep`,
    )
  }
  if (!LOSS_TYPES.includes(loss)) {
    throw new CoreError("option-unknown", `objective: no loss "${String(loss)}". There are: ${LOSS_TYPES.join(", ")}.`)
  }
  if (huber !== undefined) {
    checkOptions("objective.huber", huber, HUBER_KINDS)
    const { schedule } = huber
    if (!HUBER_SCHEDULES.includes(schedule)) {
      throw new CoreError(
        "option-unknown",
        `objective: no Huber schedule "${String(schedule)}". There are: ${HUBER_SCHEDULES.join(", ")}.`,
      )
    }
    checkRanges("objective.huber", { ...huber }, HUBER_RANGES)
  }
  checkOptions("objective.strengthRange", options.strengthRange ?? {}, STRENGTH_KINDS)
  checkRanges("objective.strengthRange", { ...options.strengthRange }, STRENGTH_RANGES)
  checkNoise(options.noise)
  checkOptions("objective.weights", weights ?? {}, WEIGHT_KINDS)
  checkRanges("objective.weights", { ...weights }, LOSS_WEIGHT_RANGES)
}
