import { epochFileName, stepFileName } from "../lllite-file/save-lllite.ts"

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
