import type { LlliteModel } from "../models/lllite/layout.ts"
import type { Seed } from "../random/seed.ts"
import type { ExampleRow } from "../training/example-row.ts"
import type { LossAndGradients } from "../training/gradients.ts"
import type { ObjectiveOptions } from "../training/objective-options.ts"
import type { GradientTask } from "../training/train.ts"

/** A part of a step, with everything that its loss and gradient follow from but the SDXL. It is plain data. */
export interface StepPart {
  readonly lllite: Pick<LlliteModel, "adapters" | "values">
  readonly task: GradientTask
  /** The task's examples. */
  readonly rows: readonly ExampleRow[]
  readonly objective: ObjectiveOptions
  readonly encoding: {
    readonly seed: Seed
    readonly captionChunks: number
    readonly weightedCaptions: boolean
  }
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
}

/** Computes parts of the steps of trainings that run elsewhere, with one SDXL of this runtime. See `TrainHelp`. */
export interface StepHelper {
  /**
   * The loss and the gradient of a part. As many parts as the runtime has threads are computed at a time.
   *
   * @throws CoreError for a part that does not fit the SDXL; the signal's reason when aborted
   */
  gradient(part: StepPart, signal?: AbortSignal): Promise<LossAndGradients>
  /** Frees what the workers keep of the examples. */
  dispose(): Promise<void>
}
