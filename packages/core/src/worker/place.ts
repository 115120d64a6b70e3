import type { UnetLayout } from "@lllite/format"
import type { TaskContext } from "../channel/server.ts"
import type { VaeParts } from "../generation/encode-pictures.ts"
import type { SdxlFiles } from "../models/layouts/parts.ts"
import type { LlliteModel } from "../models/lllite/layout.ts"
import type { Sdxl } from "../models/sdxl.ts"
import type { VaePicture } from "../models/vae/slice-sizes.ts"
import type { WeightFile } from "../models/weight-reader.ts"
import type { Ops } from "../ops/ops.ts"
import type { LoadProgress, StartedBackend } from "../runtime/contract.ts"
import type { RuntimeTypes } from "../runtime/tasks.ts"
import type { LoadOptimizer } from "../training/optimizers/index.ts"

/** A running backend of this thread. */
export interface RunningBackend<Backend extends string = string> extends StartedBackend<Backend> {
  readonly ops: Ops
  /** Puts a training's optimiser to work on the device. Default: it computes on the worker's thread */
  readonly loadOptimizer?: LoadOptimizer
}

/** The kinds of files that are loaded for an SDXL, beside it. */
export type AdditionKind = "lora" | "controlnet" | "textual-inversion"

/** A runtime's part of a worker: the start of a backend and the access to files. */
export interface WorkerPlace<Types extends RuntimeTypes> {
  /** Whether arrays are in memory that other threads can read. */
  readonly isShared: boolean
  /** Starts a backend and checks that it computes. */
  start(argument: Types["start"]): Promise<RunningBackend<Types["backend"]>>
  /** Loads a checkpoint onto the device. After an abort, nothing stays there. */
  load(
    checkpoint: Types["checkpoint"],
    context: TaskContext,
  ): AsyncGenerator<LoadProgress | Types["loadEvent"], Sdxl, void>
  /** Opens a checkpoint's files with its merged LoRAs, whose tensors are read while they are open. */
  openSdxl(
    checkpoint: Types["checkpoint"],
    context: TaskContext,
  ): AsyncGenerator<LoadProgress, { readonly files: SdxlFiles; close(): Promise<void> }, void>
  /** Reads an LLLite, which has to fit a U-Net. */
  readAdapter(
    file: Types["file"],
    layout: UnetLayout,
    context: TaskContext,
  ): AsyncGenerator<LoadProgress, LlliteModel, void>
  /** Opens a LoRA or a ControlNet, whose tensors are read while it is open. */
  openAddition(
    file: Types["file"],
    kind: AdditionKind,
    context: TaskContext,
  ): AsyncGenerator<LoadProgress, { readonly file: WeightFile; close(): Promise<void> }, void>
  /** How the VAE takes a picture apart on this machine. */
  vaeParts(sdxl: Sdxl, picture: VaePicture): Promise<Required<VaeParts>>
}
