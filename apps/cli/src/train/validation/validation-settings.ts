import type { Seed } from "@lllite/core/names"
import type { OptionReader } from "@lllite/runtime-node/options"
import type { TRAIN_OPTIONS } from "../options/index.ts"
import type { Rhythm } from "../samples/sample-settings.ts"

/** How a run measures pairs that it does not train on. */
export interface ValidationSettings {
  /** The share of the pairs that is held out. */
  readonly share: number
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

/** The settings of validation. Null: there is none. */
export function readValidation({ settings, isGiven, nameOf }: OptionReader<typeof TRAIN_OPTIONS>): {
  readonly validation: ValidationSettings | null
  readonly notices: readonly string[]
} {
  const { validationSplit: share, validationSeed: seed = settings.seed, validationPictures: pictures } = settings
  const { validateEveryNSteps: steps, validateEveryNEpochs: epochs, maxValidationSteps: mostPairs = null } = settings
  if (share === undefined) {
    const unused = OTHERS.filter((name) => isGiven(name)).map((name) => nameOf(name))
    return {
      validation: null,
      notices: unused.map((name) => `${name} has no effect without ${nameOf("validationSplit")}.`),
    }
  }
  const isReplaced = steps !== undefined && epochs !== undefined
  const drawing = { steps: settings.validationPictureSteps, guidanceScale: settings.validationGuidanceScale }
  const every = steps === undefined ? { epochs: epochs ?? 1 } : { steps }
  return {
    validation: { share, seed, every, mostPairs, pictures, drawing },
    notices: isReplaced
      ? [`${nameOf("validateEveryNEpochs")} has no effect: ${nameOf("validateEveryNSteps")} is given.`]
      : [],
  }
}
