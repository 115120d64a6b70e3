import type { ObjectiveOptions } from "./objective-options.ts"

/*
 * Options of a run that belong together. Nothing here loads tfjs.
 */

/** A part of a run's options, for `SdxlHandle.train`. */
export interface TrainPreset {
  readonly init: "default" | "normalised"
  readonly objective: Pick<ObjectiveOptions, "minTimestep">
}

/**
 * Presets by name: `train(dataset, { ...options, ...TRAIN_PRESETS["fast-follow"] })`. Other options of an objective stand
 * beside the preset's: `objective: { ...preset.objective, loss: "huber" }`.
 *
 * `fast-follow` follows the control after fewer steps than sd-scripts' start. The conditioners begin normalised over the
 * data set's controls. Only the noisier timesteps train, where a control says what the noisy picture does not.
 */
export const TRAIN_PRESETS = {
  "fast-follow": { init: "normalised", objective: { minTimestep: 600 } },
} as const satisfies Readonly<Record<string, TrainPreset>>

export type TrainPresetName = keyof typeof TRAIN_PRESETS
