import type { SampleSet } from "./samples/run-samples.ts"
import type { StepFigures } from "./step-history.ts"
import type { ValidationRecord } from "./validation/run-validation.ts"

/** A step of a run, with its figures and what it cost. */
export interface StepRecord extends StepFigures {
  /** From 1. */
  readonly step: number
  /** From 1. */
  readonly epoch: number
  /** The mean over the last epoch's worth of steps. */
  readonly averageLoss: number
  /** Since the step before, without the time for files and pictures. Null where it is not known. */
  readonly seconds: number | null
  /** Memory of this program. Null where it is not known. */
  readonly memoryMiB: number | null
  /** Memory that the backend has on its device. Null if the device is the processor. */
  readonly deviceMiB: number | null
}

/** What watches a run: a log, a page, a report. The run waits for each call. */
export interface RunObserver {
  step?(record: StepRecord): void | Promise<void>
  samples?(set: SampleSet): void | Promise<void>
  validation?(record: ValidationRecord): void | Promise<void>
  /** Frees what it holds. The run has ended, whole or not. */
  close?(): void | Promise<void>
}
