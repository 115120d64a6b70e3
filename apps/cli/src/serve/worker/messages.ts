import type { GenerateInput, JobReport, MadePiece, PieceTask } from "@lllite/serve"
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

/** A piece of a larger work to make. */
export interface PieceMessage extends Omit<PieceTask, "signal"> {
  readonly kind: "piece"
  /** The files of the piece's models, in their order. */
  readonly models: readonly string[]
  readonly runtime: RuntimeChoice
}

/** Ends the job that runs. */
export interface CancelMessage {
  readonly kind: "cancel"
}

export type ToWorker = DrawMessage | PieceMessage | CancelMessage

/** A picture that is written. */
export interface DrawnFile {
  readonly path: string
  /** The place of its recipe. */
  readonly recipe: number
}

export type FromWorker =
  | { readonly kind: "report"; readonly report: JobReport }
  | { readonly kind: "done"; readonly files: readonly DrawnFile[] }
  | { readonly kind: "made"; readonly made: MadePiece }
  /** `refused`: the input is wrong, and the message says why. */
  | { readonly kind: "failed"; readonly refused: boolean; readonly message: string }
