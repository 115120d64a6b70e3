import { CoreError } from "../../errors.ts"
import { unknownName } from "../../nearest.ts"
import { checkRanges } from "../../number-range.ts"
import type { LrCurve, LrOption, LrShape } from "../names.ts"
import { LR_CURVE_OPTIONS, LR_CURVES, LR_SHAPES } from "../names.ts"
import { LR_PIECE_RANGES, LR_RANGES, TRAIN_RANGES } from "../ranges.ts"

/** A part of `piecewise_constant`. */
export interface LrPiece {
  /** The factor on the learning rate. */
  readonly factor: number
  /** The first step after the piece. The last piece has none. */
  readonly until?: number
}

/** The movement of a rate by a curve, without the rate and the length of the run. */
export interface LrCurveMovement {
  readonly curve: LrCurve
  /** Steps over which the rate rises from 0. Default: 0. All curves but `constant` and `piecewise_constant`. */
  readonly warmupSteps?: number
  /** Steps of the fall at the end of `warmup_stable_decay`. Default: 0. */
  readonly decaySteps?: number
  /**
   * For `cosine_with_restarts`, how often the rate falls to 0. For the other cosines and `warmup_stable_decay`, half
   * waves of the cosine. Default: 1.
   */
  readonly cycles?: number
  /** Exponent of `polynomial`. Default: 1, a straight line. */
  readonly power?: number
  /** Steps after which `inverse_sqrt` has begun to fall. Default: the warm-up, or 10,000 without one. */
  readonly timescale?: number
  /**
   * The lowest rate, as a share of learningRate. `cosine_with_min_lr` requires it. Default for `warmup_stable_decay`:
   * 0.
   */
  readonly minRatio?: number
  /** The rate at the end of `polynomial`. Default: 1e-7. */
  readonly endRate?: number
  /** Shape of the warm-up of `warmup_stable_decay`. Default: `linear`. */
  readonly rise?: LrShape
  /** Shape of the decay of `warmup_stable_decay`. Default: `cosine`. */
  readonly fall?: LrShape
  /** The pieces of `piecewise_constant`, which requires them, in the order of their ends. */
  readonly pieces?: readonly LrPiece[]
}

export interface LrCurveOptions extends LrCurveMovement {
  /** The rate at the end of the warm-up. */
  readonly learningRate: number
  /** Optimizer steps of the whole run. */
  readonly totalSteps: number
}

/** Options that only some curves follow, with the values that have no effect. */
const WITHOUT_EFFECT = {
  warmupSteps: 0,
  decaySteps: 0,
  cycles: 1,
  power: 1,
  timescale: 0,
  minRatio: 0,
  endRate: 1e-7,
  rise: "linear",
  fall: "cosine",
  pieces: null,
} as const satisfies Record<LrOption, unknown>

const OWN_OPTIONS = [
  "warmupSteps",
  "decaySteps",
  "cycles",
  "power",
  "timescale",
  "minRatio",
  "endRate",
  "rise",
  "fall",
  "pieces",
] as const satisfies readonly LrOption[]

const RANGES = { ...LR_RANGES, learningRate: TRAIN_RANGES.learningRate, totalSteps: TRAIN_RANGES.steps }

/** The options with their defaults. */
type Settings = Required<Omit<LrCurveOptions, "curve" | "timescale" | "minRatio" | "pieces">> &
  Pick<LrCurveOptions, "timescale" | "minRatio" | "pieces">

/** The rate at the end of `polynomial`, as in transformers. */
const POLYNOMIAL_END = 1e-7

/** Shapes of a rise from 0 to 1. */
const RISES: Readonly<Record<LrShape, (position: number) => number>> = {
  linear: (position) => position,
  cosine: (position) => (1 - Math.cos(Math.PI * position)) / 2,
  "1-sqrt": (position) => 1 - Math.sqrt(1 - position),
}

/** Shapes of a fall from 1. */
const FALLS: Readonly<Record<LrShape, (position: number, cycles: number) => number>> = {
  linear: (position) => 1 - position,
  cosine: (position, cycles) => halfCosine(cycles * position),
  "1-sqrt": (position) => 1 - Math.sqrt(position),
}

/** The position of `step` between the end of the warm-up (0) and the end of the run (1). */
const progress = (step: number, { totalSteps, warmupSteps }: Settings): number =>
  (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps)

const halfCosine = (turns: number): number => (1 + Math.cos(Math.PI * turns)) / 2

/** The factor of each curve at `step` steps after the start. The first `warmup` steps do not use it. */
const CURVES: Readonly<Record<LrCurve, (step: number, settings: Settings) => number>> = {
  constant: () => 1,

  constant_with_warmup: () => 1,

  linear: (step, settings) =>
    Math.max(0, (settings.totalSteps - step) / Math.max(1, settings.totalSteps - settings.warmupSteps)),

  cosine: (step, settings) => halfCosine(settings.cycles * progress(step, settings)),

  cosine_with_restarts(step, settings) {
    const position = progress(step, settings)
    return position >= 1 ? 0 : halfCosine((settings.cycles * position) % 1)
  },

  polynomial(step, settings) {
    const end = settings.endRate / settings.learningRate
    if (step > settings.totalSteps) return end
    const remaining = 1 - (step - settings.warmupSteps) / (settings.totalSteps - settings.warmupSteps)
    return (1 - end) * remaining ** settings.power + end
  },

  inverse_sqrt(step, { warmupSteps, timescale = warmupSteps || 10_000 }) {
    return 1 / Math.sqrt((step + timescale - warmupSteps) / timescale)
  },

  cosine_with_min_lr(step, settings) {
    const { minRatio = 0 } = settings
    return Math.max(0, halfCosine(settings.cycles * progress(step, settings)) * (1 - minRatio) + minRatio)
  },

  warmup_stable_decay(step, { totalSteps, decaySteps, cycles, fall, minRatio = 0 }) {
    const decayStart = totalSteps - decaySteps
    if (step < decayStart) return 1
    if (step >= totalSteps) return minRatio
    const position = (step - decayStart) / Math.max(1, decaySteps)
    return Math.max(0, FALLS[fall](position, cycles) * (1 - minRatio) + minRatio)
  },

  piecewise_constant: (step, { pieces = [] }) =>
    pieces.find(({ until }) => until === undefined || step < until)?.factor ?? 1,
}

/**
 * The learning rate of each optimizer step on a curve, counted from 0.
 *
 * Source: `transformers.optimization` 4.54, and of `piecewise_constant` `diffusers.optimization` 0.32, with the options
 * of sd-scripts.
 *
 * @throws CoreError when the curve is unknown, or an option is out of range, missing, or not an option of the curve.
 */
export function createLrCurve(options: LrCurveOptions): (step: number) => number {
  const { curve, learningRate, totalSteps, warmupSteps = 0, decaySteps = 0, cycles = 1, power = 1 } = options
  const { endRate = POLYNOMIAL_END, rise = "linear", fall = "cosine" } = options
  if (!Object.hasOwn(CURVES, curve)) {
    throw new CoreError(
      "option-unknown",
      `learning rate: no curve "${String(curve)}". There are: ${LR_CURVES.join(", ")}.`,
    )
  }
  const factor = CURVES[curve]
  checkOptions(options)
  const settings: Settings = {
    ...options,
    learningRate,
    totalSteps,
    warmupSteps,
    decaySteps,
    cycles,
    power,
    ...{ endRate, rise, fall },
  }
  return (step) => {
    if (step < warmupSteps) {
      const share = RISES[rise](step / Math.max(1, warmupSteps))
      // This curve alone rises from its lowest rate instead of 0.
      const low = curve === "warmup_stable_decay" ? (options.minRatio ?? 0) : 0
      return learningRate * (share * (1 - low) + low)
    }
    return learningRate * factor(step, settings)
  }
}

function checkOptions(options: LrCurveOptions): void {
  const { curve, learningRate, totalSteps, warmupSteps = 0, decaySteps = 0, minRatio, pieces } = options
  const { endRate = POLYNOMIAL_END } = options
  checkRanges("learning rate", { ...options }, RANGES)
  const known: readonly string[] = ["curve", "learningRate", "totalSteps", ...OWN_OPTIONS]
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw unknownName("learning rate", "option", name, known)
  }
  for (const name of OWN_OPTIONS) {
    const value = options[name]
    if (
      value !== undefined &&
      (value !== 0 || name === "endRate") &&
      value !== WITHOUT_EFFECT[name] &&
      !LR_CURVE_OPTIONS[curve].includes(name)
    ) {
      throw new CoreError(
        "option-conflict",
        `learning rate: "${curve}" has no ${name}, got ${typeof value === "object" ? "some" : value}. Leave it out or use another curve.`,
      )
    }
  }
  if (warmupSteps + decaySteps > totalSteps) {
    throw new CoreError(
      "option-conflict",
      `learning rate: ${warmupSteps} warm-up and ${decaySteps} decay steps do not fit in ${totalSteps} steps. Use fewer.`,
    )
  }
  if (curve === "cosine_with_min_lr" && minRatio === undefined) {
    throw new CoreError(
      "option-missing",
      'learning rate: "cosine_with_min_lr" needs minRatio, the lowest share of learningRate. Give it.',
    )
  }
  if (curve === "polynomial" && learningRate <= endRate) {
    throw new CoreError(
      "option-range",
      `learning rate: "polynomial" ends at ${endRate}, so it must start above, got ${learningRate}`,
    )
  }
  for (const name of ["rise", "fall"] as const) {
    const shape = options[name]
    if (shape === undefined || LR_SHAPES.includes(shape)) continue
    throw new CoreError(
      "option-unknown",
      `learning rate: ${name} is "${String(shape)}", expected one of ${LR_SHAPES.join(", ")}`,
    )
  }
  if (curve === "piecewise_constant") checkPieces(pieces)
}

function checkPieces(pieces: readonly LrPiece[] = []): void {
  if (pieces.length === 0) {
    throw new CoreError(
      "option-missing",
      'learning rate: "piecewise_constant" needs pieces. Give factors with the steps at which they end.',
    )
  }
  let end = 0
  for (const [index, piece] of pieces.entries()) {
    const place = `learning rate, piece ${index + 1}`
    checkRanges(place, { ...piece }, LR_PIECE_RANGES)
    const { until = Number.POSITIVE_INFINITY } = piece
    const isLast = index === pieces.length - 1
    if (isLast !== (piece.until === undefined) || until <= end) {
      throw new CoreError(
        "option-conflict",
        `${place}: it ends at step ${piece.until ?? "none"}, expected ${isLast ? "no end, as the last piece" : `a step after ${end}`}`,
      )
    }
    end = until
  }
}
