import type { UnetLayout } from "@lllite/format"
import type { TaskContext } from "../channel/server.ts"
import type { LlliteModel } from "../models/lllite/layout.ts"
import type { Sdxl } from "../models/sdxl.ts"
import type { VaePicture } from "../models/vae/slice-sizes.ts"
import type { Ops } from "../ops/ops.ts"
import type { LoadProgress, StartedBackend } from "../runtime/contract.ts"
import type { RuntimeTypes } from "../runtime/tasks.ts"
import type { LoadOptimizer } from "../training/optimizers/index.ts"

/** A backend that computes in this thread. */
export interface RunningBackend<Backend extends string = string> extends StartedBackend<Backend> {
  readonly ops: Ops
  /** Puts a training's optimiser to work on the device. Default: it computes on the worker's thread */
  readonly loadOptimizer?: LoadOptimizer
}

/** What a worker cannot know by itself: how a backend is started and where files are. */
export interface WorkerPlace<Types extends RuntimeTypes> {
  /** Whether arrays are put where other threads can read them. */
  readonly isShared: boolean
  /** Starts a backend that has been seen to compute. */
  start(argument: Types["start"]): Promise<RunningBackend<Types["backend"]>>
  /** Loads a checkpoint onto the device. Stopped inside, it leaves nothing there. */
  load(
    checkpoint: Types["checkpoint"],
    context: TaskContext,
  ): AsyncGenerator<LoadProgress | Types["loadEvent"], Sdxl, void>
  /** Reads an LLLite that has to fit a U-Net. */
  readAdapter(
    file: Types["file"],
    layout: UnetLayout,
    context: TaskContext,
  ): AsyncGenerator<LoadProgress, LlliteModel, void>
  /** Slices in which the VAE takes a picture here. */
  vaeSlices(sdxl: Sdxl, picture: VaePicture): Promise<number>
}
