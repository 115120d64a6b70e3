import type { EmaOptions } from "@lllite/core/training"
import type { OptionReader } from "@lllite/runtime-node/options"
import type { TRAIN_OPTIONS } from "./options/index.ts"

type TrainReader = OptionReader<typeof TRAIN_OPTIONS>

/** The average of a run, and what has no effect on it. */
export interface EmaPlan {
  /** Null: the run does not average. */
  readonly ema: EmaOptions | null
  readonly notices: readonly string[]
}

const OPTIONS = ["emaDecay", "emaMinDecay", "emaUpdateAfterStep", "emaUseWarmup", "emaInvGamma", "emaPower"] as const

/** Reads the options of the average. */
export function readEma({ settings, isGiven, nameOf }: TrainReader): EmaPlan {
  const { emaDecay: decay, emaMinDecay: minDecay, emaUpdateAfterStep: from } = settings
  const { emaUseWarmup, emaInvGamma: gamma, emaPower: power } = settings
  const without = (names: readonly (typeof OPTIONS)[number][], reason: string): readonly string[] =>
    names.filter(isGiven).map((name) => `${nameOf(name)} has no effect: ${reason}.`)
  if (!settings.ema) return { ema: null, notices: without(OPTIONS, `${nameOf("ema")} is not given`) }
  return {
    ema: {
      ...(decay === undefined ? {} : { decay }),
      ...(minDecay === undefined ? {} : { minDecay }),
      ...(from === undefined ? {} : { from }),
      ...(emaUseWarmup
        ? { warmup: { ...(gamma === undefined ? {} : { gamma }), ...(power === undefined ? {} : { power }) } }
        : {}),
    },
    notices: emaUseWarmup ? [] : without(["emaInvGamma", "emaPower"], `${nameOf("emaUseWarmup")} is not given`),
  }
}
