import { planSamples } from "../samples/sample-plan.ts"
import { stepsOf } from "../samples/sample-settings.ts"
import type { TrainSettings } from "../settings.ts"
import type { TrainingSet } from "../validation/hold-out.ts"

type DrawnSettings = Pick<TrainSettings, "samples" | "validation" | "seed">

/**
 * The pictures that a run draws of itself: samples and held-out pairs, at each of their times with the LLLite, and once
 * without it.
 *
 * @throws InputError as `planSamples`
 */
export async function drawnPictures(
  { samples, validation, seed }: DrawnSettings,
  dataset: TrainingSet,
  { steps, perEpoch }: { readonly steps: number; readonly perEpoch: number },
): Promise<number> {
  // The end of the run counts, also where the rhythm does not reach it.
  const times = (every: number): number => Math.ceil(steps / every)
  let drawn = 0
  if (samples !== null) {
    const { length } = (await planSamples(samples, dataset, dataset.heldOut ?? dataset, seed)).samples
    const inRun = samples.every === null ? 1 : times(stepsOf(samples.every, perEpoch))
    drawn += length * (1 + inRun + (samples.atFirst ? 1 : 0))
  }
  const measured = Math.min(dataset.heldOut?.count ?? 0, validation.mostPairs ?? Number.POSITIVE_INFINITY)
  return drawn + Math.min(measured, validation.pictures) * (1 + times(stepsOf(validation.every, perEpoch)))
}
