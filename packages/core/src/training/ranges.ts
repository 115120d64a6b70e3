import type { NumberRange } from "../number-range.ts"

/*
 * The ranges of training's numbers. Each optimiser has its ranges in its rule. Nothing here loads tfjs.
 */

/** The most steps of a run. */
const STEPS = { integer: true, max: 10_000_000 } as const

/** The range of a batch's size. */
const ROWS = { integer: true, min: 1, max: 4096 } as const

/** Ranges of `TrainOptions`. */
export const TRAIN_RANGES = {
  steps: { ...STEPS, min: 1 },
  /** Epochs of a run, which its data set makes into steps. */
  epochs: { integer: true, min: 1, max: 1_000_000 },
  batchSize: ROWS,
  shards: ROWS,
  learningRate: { min: 0, max: 1000 },
  partRate: { min: 0, max: 1e9 },
  maxGradNorm: { min: 0, max: 1e9 },
  siteLimit: { above: 0, max: 1e6 },
  captionChunks: { integer: true, min: 1, max: 3 },
  accumulation: { integer: true, min: 1, max: 100_000 },
} as const satisfies Readonly<Record<string, NumberRange>>

/** Ranges of `CaptionRules`. */
export const CAPTION_RANGES = {
  keepTokens: { integer: true, min: 0, max: 10_000 },
  dropoutRate: { min: 0, max: 1 },
  dropoutEveryNEpochs: { integer: true, min: 0, max: 1_000_000 },
  tagDropoutRate: { min: 0, max: 1 },
  warmupMin: { integer: true, min: 0, max: 10_000 },
  warmupSteps: { min: 0, max: STEPS.max },
} as const satisfies Readonly<Record<string, NumberRange>>

/** Ranges of `EmaOptions` and `EmaWarmup`. */
export const EMA_RANGES = {
  decay: { min: 0, max: 1 },
  minDecay: { min: 0, max: 1 },
  from: { ...STEPS, min: 0 },
  gamma: { above: 0, max: 1e6 },
  power: { above: 0, max: 100 },
} as const satisfies Readonly<Record<string, NumberRange>>

/** Widths of a new LLLite's adapters. */
export const ADAPTER_RANGES = {
  condDim: { integer: true, min: 1, max: 4096 },
  mlpDim: { integer: true, min: 1, max: 4096 },
} as const satisfies Readonly<Record<string, NumberRange>>

/** Ranges of `LrCurveMovement`. */
export const LR_RANGES = {
  warmupSteps: { ...STEPS, min: 0 },
  decaySteps: { ...STEPS, min: 0 },
  cycles: { min: 0, max: 1e6 },
  power: { min: 0, max: 1000 },
  timescale: { ...STEPS, min: 1 },
  minRatio: { min: 0, max: 1 },
  endRate: { min: 0, max: 1000 },
} as const satisfies Readonly<Record<string, NumberRange>>

/** Ranges of a piece of `piecewise_constant`. */
export const LR_PIECE_RANGES = {
  factor: { min: 0, max: 1000 },
  until: { ...STEPS, min: 1 },
} as const satisfies Readonly<Record<string, NumberRange>>

/** Timesteps of SDXL's noise schedule. */
const TIMESTEPS = 1000

/** Ranges of `ObjectiveOptions`, without those of its nested options. */
export const OBJECTIVE_RANGES = {
  minTimestep: { integer: true, min: 0, max: TIMESTEPS - 1 },
  maxTimestep: { integer: true, min: 1, max: TIMESTEPS },
  dropout: { min: 0, below: 1 },
} as const satisfies Readonly<Record<string, NumberRange>>

/** Ranges of `NoiseOptions`. */
export const NOISE_RANGES = {
  offset: { min: -10, max: 10 },
  adaptiveOffset: { min: -10, max: 10 },
  iterations: { integer: true, min: 0, max: 100 },
  discount: { min: 0, max: 1 },
  inputPerturbation: { min: 0, max: 10 },
} as const satisfies Readonly<Record<string, NumberRange>>

/** Ranges of `HuberOptions`. */
export const HUBER_RANGES = {
  delta: { above: 0, max: 1000 },
  scale: { above: 0, max: 1e6 },
} as const satisfies Readonly<Record<string, NumberRange>>

/** Ranges of `LossWeightOptions`. */
export const LOSS_WEIGHT_RANGES = {
  minSnrGamma: { above: 0, max: 1e6 },
  vPredictionLike: { min: 0, max: 1e6 },
} as const satisfies Readonly<Record<string, NumberRange>>

/** Ranges of `StrengthRange`. */
export const STRENGTH_RANGES = {
  min: { min: 0, max: 1 },
  floor: { min: 0, max: 1 },
  top: { min: 0, max: 1 },
  power: { above: 0, max: 100 },
  skew: { above: 0, max: 100 },
  gap: { min: 0, below: 1 },
} as const satisfies Readonly<Record<string, NumberRange>>
