import type { ObjectiveOptions } from "@lllite/core/training"
import type { TrainSettings } from "./settings.ts"

/** What a run minimises, by its settings. */
export function objectiveOf(settings: TrainSettings): ObjectiveOptions {
  const { minTimestep, maxTimestep } = settings
  return {
    minTimestep,
    maxTimestep,
    loss: settings.lossType,
    huber: settings.huber,
    weights: settings.lossWeights,
    ...(settings.networkDropout === undefined ? {} : { dropout: settings.networkDropout }),
    noise: settings.noise,
    ...(settings.zeroTerminalSnr ? { zeroTerminalSnr: true } : {}),
    ...(settings.strengthRange === null ? {} : { strengthRange: settings.strengthRange }),
    gradientCheckpointing: settings.gradientCheckpointing,
  }
}
