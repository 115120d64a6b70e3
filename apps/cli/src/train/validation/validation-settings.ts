import type { Seed } from "@lllite/core/names"
import type { OptionReader, Settings } from "@lllite/runtime-node/options"
import type { TRAIN_OPTIONS } from "../options/index.ts"
import type { Rhythm } from "../samples/sample-settings.ts"

/** How a run measures pairs that it does not train on. */
export interface ValidationSettings {
  /** The seed of their noise, and of data sets that name none for what they hold out. */
  readonly seed: Seed
  readonly every: Rhythm
  /** The most pairs that are measured. Null: all of them. */
  readonly mostPairs: number | null
  /** Pairs that are drawn, to measure how well pictures follow controls. */
  readonly pictures: number
  /** How they are drawn. */
  readonly drawing: { readonly steps: number; readonly guidanceScale: number }
}

const OTHERS = [
  "validationSeed",
  "validateEveryNSteps",
  "validateEveryNEpochs",
  "maxValidationSteps",
  "validationPictures",
  "validationPictureSteps",
  "validationGuidanceScale",
] as const

type TrainReader = OptionReader<typeof TRAIN_OPTIONS>

/** The settings of validation. They have no effect where no data set holds pairs out. */
export function readValidation({ settings, nameOf }: Pick<TrainReader, "settings" | "nameOf">): {
  readonly validation: ValidationSettings
  readonly notices: readonly string[]
} {
  const { validateEveryNSteps: steps, validateEveryNEpochs: epochs, maxValidationSteps: mostPairs = null } = settings
  const isReplaced = steps !== undefined && epochs !== undefined
  const drawing = { steps: settings.validationPictureSteps, guidanceScale: settings.validationGuidanceScale }
  const every = steps === undefined ? { epochs: epochs ?? 1 } : { steps }
  return {
    validation: { seed: heldOutSeed(settings), every, mostPairs, pictures: settings.validationPictures, drawing },
    notices: isReplaced
      ? [`${nameOf("validateEveryNEpochs")} has no effect: ${nameOf("validateEveryNSteps")} is given.`]
      : [],
  }
}

/** The seed of data sets that name none for what they hold out. */
export function heldOutSeed({ validationSeed, seed }: Settings<typeof TRAIN_OPTIONS>): Seed {
  return validationSeed ?? seed
}

/** Options of validation without effect, because no data set holds pairs out. */
export function unusedValidation({ isGiven, nameOf }: Pick<TrainReader, "isGiven" | "nameOf">): readonly string[] {
  return OTHERS.filter((name) => isGiven(name)).map(
    (name) => `${nameOf(name)} has no effect without ${nameOf("validationSplit")}.`,
  )
}
