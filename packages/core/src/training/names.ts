/*
 * Names of training options. Nothing here loads tfjs, so a command or a page can list these at once.
 */

/** All losses, by the names of sd-scripts' `loss_type`. */
export const LOSS_TYPES = ["l2", "l1", "huber", "smooth_l1"] as const

export type LossType = (typeof LOSS_TYPES)[number]

/** All curves of the Huber losses' turning point, by the names of sd-scripts' `huber_schedule`. */
export const HUBER_SCHEDULES = ["snr", "exponential", "constant"] as const

export type HuberSchedule = (typeof HUBER_SCHEDULES)[number]

/** All curves of the learning rate after the warm-up, by the names of sd-scripts' `lr_scheduler`. */
export const LR_CURVES = [
  "constant",
  "constant_with_warmup",
  "linear",
  "cosine",
  "cosine_with_restarts",
  "polynomial",
  "inverse_sqrt",
  "cosine_with_min_lr",
  "warmup_stable_decay",
  "piecewise_constant",
] as const

export type LrCurve = (typeof LR_CURVES)[number]

/** Shapes of the rise and of the fall of `warmup_stable_decay`, by their names in transformers. */
export const LR_SHAPES = ["linear", "cosine", "1-sqrt"] as const

export type LrShape = (typeof LR_SHAPES)[number]

/** Options of a curve, by the names of `LrCurveMovement`. */
export type LrOption =
  | "warmupSteps"
  | "decaySteps"
  | "cycles"
  | "power"
  | "timescale"
  | "minRatio"
  | "endRate"
  | "rise"
  | "fall"
  | "pieces"

/** The options that each curve follows. */
export const LR_CURVE_OPTIONS: Readonly<Record<LrCurve, readonly LrOption[]>> = {
  constant: [],
  constant_with_warmup: ["warmupSteps"],
  linear: ["warmupSteps"],
  cosine: ["warmupSteps", "cycles"],
  cosine_with_restarts: ["warmupSteps", "cycles"],
  polynomial: ["warmupSteps", "power", "endRate"],
  inverse_sqrt: ["warmupSteps", "timescale"],
  cosine_with_min_lr: ["warmupSteps", "cycles", "minRatio"],
  warmup_stable_decay: ["warmupSteps", "decaySteps", "cycles", "minRatio", "rise", "fall"],
  piecewise_constant: ["pieces"],
}
