import { listText } from "@lllite/core/names"
import type { TrainSettings } from "../settings.ts"
import { batchSizesOf } from "../step-plan.ts"
import type { TrainingSet } from "../validation/hold-out.ts"

/** The settings that a report names. It names no path, because reports are shown to others. */
export function shownSettings(
  settings: TrainSettings,
  dataset: Pick<TrainingSet, "pictures" | "batchSize" | "heldOut" | "sizes">,
): readonly (readonly [name: string, value: string])[] {
  const {
    seed,
    learningRate,
    optimizer,
    lrScheduler,
    networkDim,
    condEmbDim,
    minTimestep,
    maxTimestep,
    lossType,
    preset,
  } = settings
  const sizes = new Set(dataset.sizes.map(({ width, height }) => `${width} × ${height}`))
  return [
    ["Pairs", `${dataset.pictures}${dataset.heldOut === null ? "" : `, and ${dataset.heldOut.count} held out`}`],
    ["Sizes", sizes.size > 4 ? `${sizes.size} sizes` : [...sizes].join(", ")],
    ["Pairs in a step", `${listText(batchSizesOf(dataset), "or")} × ${settings.gradientAccumulationSteps}`],
    ...(preset === null ? [] : [["Preset", preset.name] as const]),
    ["Optimizer", optimizer.name],
    ["Learning rate", `${learningRate}, ${lrScheduler}`],
    // A run that continues keeps the widths of its state.
    ...(settings.resume === undefined && settings.networkWeights === undefined
      ? [["Widths", `network_dim ${networkDim}, cond_emb_dim ${condEmbDim}`] as const]
      : []),
    ["Timesteps", `${minTimestep} to ${maxTimestep - 1}`],
    ["Loss", lossType],
    ["Seed", String(seed)],
  ]
}
