import type { LlliteModel } from "../models/lllite/layout.ts"
import type { Seed } from "../random/seed.ts"
import type { ExampleRow } from "../training/example-row.ts"
import type { FinalRanges, LossAndGradients } from "../training/gradients.ts"
import type { ObjectiveOptions } from "../training/objective-options.ts"
import type { GradientTask } from "../training/train.ts"

/** What all parts of a step follow from. It is plain data. */
export interface StepCommon {
  readonly lllite: Pick<LlliteModel, "adapters" | "values">
  readonly objective: ObjectiveOptions
  readonly encoding: {
    readonly seed: Seed
    readonly captionChunks: number
    readonly weightedCaptions: boolean
  }
}

/** What one part of a step follows from, besides. */
export interface StepTask {
  readonly task: GradientTask
  /** The task's examples. */
  readonly rows: readonly ExampleRow[]
  /**
   * What earlier steps have left out of the part's gradient, which is to be rounded to float16: a list, null for nothing,
   * or `kept`, where the place keeps it. Absent: the gradient is not rounded.
   */
  readonly feedback?: Float32Array | "kept" | null
}

/** A part of a step, with everything that its loss and gradient follow from but the SDXL. */
export interface StepPart extends StepCommon, StepTask {}

/** Parts of a batch that are added up where they are computed. See `groupsOfParts`. */
export interface StepGroup extends StepCommon {
  /** Each with its share of the batch's mean. */
  readonly parts: readonly (StepTask & { readonly share: number })[]
}

/**
 * Computes parts of a training's steps elsewhere. Parts are added up in their order. So the run is the same with and
 * without help, where the other place computes the same values.
 */
export interface TrainHelp {
  /** The number of parts that it can compute at a time, as of now. It is asked before each step. */
  places(): number
  /**
   * Computes a part. Null: the place was lost, and another one computes the part. An error ends the run, with the state
   * after the last good step.
   */
  gradient(part: StepPart, signal: AbortSignal): Promise<LossAndGradients | null>
  /** The number of places that compute and add up a group of parts, as of now. Default: 0 */
  branches?(): number
  /** The sum of a group, as `gradient` has a part. */
  sum?(group: StepGroup, signal: AbortSignal): Promise<LossAndGradients | null>
  /**
   * Takes back what places keep of parts, by `lane`. It is missing for places that were lost. Default: nothing is kept.
   *
   * @param before the number of a batch: what is left out of it and of later ones does not count
   */
  takeFeedback?(before: number): Promise<ReadonlyMap<number, Float32Array>>
}

/** Computes parts of the steps of trainings that run elsewhere, with one SDXL of this runtime. See `TrainHelp`. */
export interface StepHelper {
  /**
   * The loss and the gradient of a part. As many parts as the runtime has threads are computed at a time.
   *
   * @param onFinal is called within the backward pass with values of the gradient that will not change. The list is that
   * of the result. Where threads share no memory, it is not called
   * @throws CoreError for a part that does not fit the SDXL; the signal's reason when aborted
   */
  gradient(
    part: StepPart,
    signal?: AbortSignal,
    onFinal?: (gradients: Float32Array, ranges: FinalRanges) => void,
  ): Promise<LossAndGradients>
  /** Frees what the workers keep of the examples. */
  dispose(): Promise<void>
}
