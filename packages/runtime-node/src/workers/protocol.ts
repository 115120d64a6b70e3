import type { GenerateOptions, PictureRequest } from "@lllite/core"
import type { RgbImage } from "@lllite/core/image"
import type { AdapterPlan, LlliteModel } from "@lllite/core/models"
import type {
  CachedExample,
  GradientTask,
  LossAndGradients,
  ObjectiveOptions,
  TrainExample,
} from "@lllite/core/training"
import type { UnetLayout } from "@lllite/format"
import type { NodeBackend } from "../backends/names.ts"
import type { StartedBackend, StartOptions } from "../backends/started-backend.ts"
import type { SdxlPaths } from "../files/open-sdxl.ts"

/** An LLLite on the host and how it is used. */
export interface HostAdapterUse {
  readonly lllite: LlliteModel
  readonly control: RgbImage | readonly RgbImage[]
  readonly strength?: number
  readonly start?: number
  readonly end?: number
}

/** As core's options, with LLLites that live on the host and neither signal nor pause, which cannot be sent. */
export interface WorkerGenerateOptions extends Omit<GenerateOptions, "adapters" | "signal" | "pause"> {
  readonly adapters?: readonly HostAdapterUse[]
}

/** What a worker can be asked to do, by name: its argument and its result. */
export interface WorkerCalls {
  /** Starts a backend and computes something with it; comes before all others. */
  start: {
    argument: {
      readonly backend: NodeBackend
      readonly options: StartOptions
      /** Workers that share the memory, this one among them. */
      readonly threads: number
    }
    result: Omit<StartedBackend, "ops">
  }
  load: {
    argument: SdxlPaths & { readonly prediction: "epsilon" | "v" }
    result: { readonly layout: UnetLayout }
  }
  cache: {
    argument: {
      readonly example: TrainExample
      readonly index: number
      readonly seed: number
      readonly vaeSlices: number | undefined
    }
    result: CachedExample
  }
  examples: { argument: readonly CachedExample[]; result: null }
  gradient: {
    argument: {
      readonly adapters: readonly AdapterPlan[]
      readonly values: Float32Array
      readonly seed: number
      readonly task: GradientTask
      readonly objective: ObjectiveOptions
    }
    result: LossAndGradients
  }
  generate: {
    argument: { readonly requests: readonly PictureRequest[]; readonly options: WorkerGenerateOptions }
    result: readonly RgbImage[]
  }
}

export type CallName = keyof WorkerCalls

/** A call on its way to a worker. */
export interface CallMessage<N extends CallName = CallName> {
  readonly id: number
  readonly name: N
  readonly argument: WorkerCalls[N]["argument"]
}

/** What comes back. `progress` may come any number of times before one of the others. */
export type ReplyMessage =
  | { readonly id: number; readonly kind: "progress"; readonly step: number; readonly steps: number }
  | { readonly id: number; readonly kind: "result"; readonly result: unknown }
  | { readonly id: number; readonly kind: "error"; readonly error: unknown; readonly name: string }

/** Sent beside the calls: stop what is running. */
export const ABORT = "abort"
