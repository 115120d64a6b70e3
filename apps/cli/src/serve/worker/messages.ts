import type { GenerateInput, JobReport } from "@lllite/serve"
import type { RuntimeChoice } from "../../model/runtime-options.ts"

/* Messages between the server and the process that draws its pictures. */

/** Pictures to draw, one job at a time. */
export interface DrawMessage {
  readonly kind: "draw"
  readonly input: GenerateInput
  /** Where the pictures are written. */
  readonly folder: string
  readonly runtime: RuntimeChoice
}

/** Ends the job that runs. */
export interface CancelMessage {
  readonly kind: "cancel"
}

export type ToWorker = DrawMessage | CancelMessage

/** A picture that is written. */
export interface DrawnFile {
  readonly path: string
  /** The place of its recipe. */
  readonly recipe: number
}

export type FromWorker =
  | { readonly kind: "report"; readonly report: JobReport }
  | { readonly kind: "done"; readonly files: readonly DrawnFile[] }
  /** `refused`: the input is wrong, and the message says why. */
  | { readonly kind: "failed"; readonly refused: boolean; readonly message: string }
