import { checkArgument, checkArguments, checkGiven } from "../argument.ts"
import type { NoiseSchedule } from "../diffusion/schedule.ts"
import { checkSdxl } from "../models/given.ts"
import type { Sdxl } from "../models/sdxl.ts"
import type { Seed } from "../random/seed.ts"
import { streamDraws } from "./batch-draws.ts"
import type { CachedExample } from "./dataset.ts"
import { type BatchRows, objectiveLoss } from "./objective.ts"
import type { ObjectiveOptions } from "./objective-options.ts"
import type { Trainable, TrainableModel } from "./trainable.ts"

/** The number of timesteps at which a held-out example is measured. Source: sd-scripts `train_network.py`. */
const TIMESTEPS = 4

/**
 * The timesteps of a validation: 200, 400, 600 and 800 of the whole range. They are the same each time, so that the loss
 * changes by the model alone.
 *
 * Source: sd-scripts `train_network.py`.
 */
export function validationTimesteps(
  range: Pick<ObjectiveOptions, "minTimestep" | "maxTimestep"> = {},
): readonly number[] {
  checkArgument("validation: the range", range, "an object")
  const { minTimestep = 0, maxTimestep = 1000 } = range
  checkArguments("validation", "a finite number", { minTimestep, maxTimestep })
  const step = (maxTimestep - minTimestep) / (TIMESTEPS + 1)
  return Array.from({ length: TIMESTEPS }, (_, i) => Math.floor(minTimestep + (i + 1) * step))
}

/** A held-out example, and what its noise follows from. */
export interface HeldOutExample extends Pick<BatchRows, "memo" | "signal" | "pause"> {
  readonly seed: Seed
  /** Its number among the held-out examples. */
  readonly index: number
  readonly example: CachedExample
}

/**
 * The losses of a held-out example at {@link validationTimesteps}, each with noise that is the same each time. The model
 * has its full strength and leaves nothing out.
 *
 * @throws CoreError for a wrong option, or when the model does not fit the example; the signal's reason when aborted
 */
export async function validationLosses<M extends TrainableModel>(
  sdxl: Pick<Sdxl, "ops" | "unet" | "prediction" | "blocks">,
  schedule: NoiseSchedule,
  trainable: Trainable<M>,
  model: M,
  heldOut: HeldOutExample,
  given: ObjectiveOptions = {},
): Promise<readonly number[]> {
  checkSdxl("validation", sdxl, "unet")
  checkArgument("validation: the options", given, "an object")
  const { strengthRange: _, dropout: __, ...options } = given
  checkGiven("validation: the example", heldOut, "example", "createExampleCache, with its seed and index,")
  const { seed, index, example, ...rest } = heldOut
  const losses: number[] = []
  for (const timestep of validationTimesteps(options)) {
    // The timestep takes the place of the batch's number.
    const draws = { ...streamDraws(seed, timestep, index, 1), timesteps: () => [timestep] }
    const rows = { seed, step: timestep, firstRow: index, examples: [example], draws, ...rest }
    losses.push(await objectiveLoss(sdxl, schedule, trainable, model, rows, options))
  }
  return losses
}
