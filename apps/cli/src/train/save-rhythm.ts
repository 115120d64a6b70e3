import { listText } from "@lllite/core/names"
import type { OptionReader, SettingName } from "@lllite/runtime-node/options"
import { epochFileName, stepFileName } from "../lllite-file/save-lllite.ts"
import type { TRAIN_OPTIONS } from "./options/index.ts"

/** When a run saves before its end. Steps and epochs may both be there, each with files of its own. */
export interface SaveEvery {
  readonly steps?: number
  readonly epochs?: number
  /** About this many times over the run, at the end of an epoch. It replaces `epochs`. */
  readonly epochRatio?: number
}

/** One rhythm of saving, in a run of known length. */
export interface SaveRhythm {
  readonly unit: "steps" | "epochs"
  /** Steps or epochs from one file to the next. */
  readonly count: number
  /** The same in steps. */
  readonly every: number
  /** The name of a file. @param number of the step or the epoch */
  readonly nameOf: (outputName: string, number: number) => string
}

/** The rhythms of a run. Source: sd-scripts, where a ratio replaces a number of epochs. */
export function saveRhythms(
  { steps, epochs, epochRatio }: SaveEvery,
  plan: { readonly steps: number; readonly perEpoch: number },
): readonly SaveRhythm[] {
  const { perEpoch } = plan
  const inEpochs =
    epochRatio === undefined ? epochs : Math.max(1, Math.floor(Math.ceil(plan.steps / perEpoch) / epochRatio))
  return [
    ...(steps === undefined ? [] : [{ unit: "steps", count: steps, every: steps, nameOf: stepFileName } as const]),
    ...(inEpochs === undefined
      ? []
      : [{ unit: "epochs", count: inEpochs, every: inEpochs * perEpoch, nameOf: epochFileName } as const]),
  ]
}

/** Options of the last files and states, with the rhythms that write them. */
const LAST = [
  ["saveLastNSteps", ["saveEveryNSteps"], false],
  ["saveLastNStepsState", ["saveEveryNSteps"], true],
  ["saveLastNEpochs", ["saveEveryNEpochs", "saveNEpochRatio"], false],
  ["saveLastNEpochsState", ["saveEveryNEpochs", "saveNEpochRatio"], true],
] as const satisfies readonly (readonly [
  SettingName<typeof TRAIN_OPTIONS>,
  readonly SettingName<typeof TRAIN_OPTIONS>[],
  boolean,
])[]

/** Options of saving that have no effect beside others, one sentence each. */
export function saveNotices({ settings, isGiven, nameOf }: OptionReader<typeof TRAIN_OPTIONS>): readonly string[] {
  const unused = LAST.flatMap(([name, rhythms, ofStates]) => {
    if (!isGiven(name)) return []
    if (!rhythms.some((rhythm) => isGiven(rhythm))) {
      return [`${nameOf(name)} has no effect without ${listText(rhythms.map(nameOf), "or")}.`]
    }
    return ofStates && !settings.saveState ? [`${nameOf(name)} has no effect without ${nameOf("saveState")}.`] : []
  })
  if (!isGiven("saveEveryNEpochs") || !isGiven("saveNEpochRatio")) return unused
  return [...unused, `${nameOf("saveEveryNEpochs")} has no effect: ${nameOf("saveNEpochRatio")} is given.`]
}
