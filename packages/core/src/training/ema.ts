import { checkArgument, checkOptions, type OptionKinds } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { checkRanges } from "../number-range.ts"
import { EMA_RANGES } from "./ranges.ts"

/**
 * An exponential moving average of the values that train. It is what a finished model has. A training step is noisy, and
 * the average is less so.
 *
 * Source: `EMAModel` of diffusers 0.32 (`training_utils.py`), defaults included.
 */
export interface EmaOptions {
  /** The share of the average that an update keeps, at most. Default: 0.9999. */
  readonly decay?: number
  /** The share at least, once averaging has begun. Default: 0. */
  readonly minDecay?: number
  /** Steps after which averaging begins. Until then the average is the values themselves. Default: 0. */
  readonly from?: number
  /** How the share rises. Default: (1 + n) / (10 + n) after n updates. */
  readonly warmup?: EmaWarmup
}

/** A share that rises as 1 − (1 + n / gamma) ^ −power. Gamma 1 and power 2/3 reach 0.999 after 31,600 updates. */
export interface EmaWarmup {
  /** Default: 1. */
  readonly gamma?: number
  /** Default: 2/3. 3/4 reaches 0.999 after 10,000 updates. */
  readonly power?: number
}

/** A running average. */
export interface Ema {
  /** The average. `update` changes it in place. */
  readonly values: Float32Array
  /** Adds the values after a step. @param step the number of finished steps */
  update(values: Float32Array, step: number): void
}

const KINDS: OptionKinds<EmaOptions> = {
  decay: "a number",
  minDecay: "a number",
  from: "a number",
  warmup: "an object",
}

const WARMUP_KINDS: OptionKinds<EmaWarmup> = { gamma: "a number", power: "a number" }

/** @throws CoreError for an option that does not exist, and for a number out of its range */
export function checkEma(ema: EmaOptions): void {
  checkOptions("training.ema", ema, KINDS)
  const { warmup, ...options } = ema
  checkOptions("training.ema.warmup", warmup ?? {}, WARMUP_KINDS)
  checkRanges("training.ema", { ...options, ...warmup }, EMA_RANGES)
}

/** The share of the average that the update after a step keeps. @param step the number of finished steps */
export function emaDecay(options: EmaOptions, step: number): number {
  checkArgument("ema: the finished steps", step, "a finite number")
  checkArgument("ema: the options", options, "an object")
  const { decay = 0.9999, minDecay = 0, from = 0, warmup } = options
  checkRanges("ema", { decay, minDecay, from }, EMA_RANGES)
  const updates = step - from - 1
  if (updates <= 0) return 0
  const rising =
    warmup === undefined
      ? (1 + updates) / (10 + updates)
      : 1 - (1 + updates / (warmup.gamma ?? 1)) ** -(warmup.power ?? 2 / 3)
  return Math.max(Math.min(rising, decay), minDecay)
}

/**
 * Begins or continues an average.
 *
 * @param saved the average so far, which changes in place. Default: a copy of the values
 * @throws CoreError for an average of another length
 */
export function startEma(options: EmaOptions, values: Float32Array, saved: Float32Array = values.slice()): Ema {
  if (saved.length !== values.length) {
    throw new CoreError(
      "saved-run-mismatch",
      `training: the average has ${saved.length} values, expected ${values.length}. Continue with the model that the run had.`,
    )
  }
  return {
    values: saved,
    update(now, step) {
      const share = 1 - emaDecay(options, step)
      for (let i = 0; i < saved.length; i++) {
        const before = saved[i] as number
        saved[i] = before - share * (before - (now[i] as number))
      }
    },
  }
}
