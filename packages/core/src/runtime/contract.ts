import type { AdapterDims, Site, UnetLayout } from "@lllite/format"
import type { Prediction } from "../diffusion/names.ts"
import type { AdapterUse } from "../generation/adapters.ts"
import type { GenerateOptions, PictureRequest } from "../generation/request.ts"
import type { RgbImage } from "../image.ts"
import type { AdapterPlan, LlliteModel } from "../models/lllite/layout.ts"
import type { TrainDataset } from "../training/dataset.ts"
import type { ObjectiveOptions } from "../training/objective-options.ts"
import type { TrainState, TrainStepEvent } from "../training/train.ts"
import type { TrainOptions } from "../training/train-options.ts"

/*
 * What every runtime offers. `createNodeRuntime` and `createWebRuntime` give one of these; `checkRuntime` of
 * `@lllite/core/testing` holds them to it.
 */

/** A backend that runs, and what it is. */
export interface StartedBackend<Backend extends string = string> {
  readonly backend: Backend
  /** Of the library that computes, and of the device where it is known. */
  readonly version: string
  readonly device: "CPU" | "GPU"
  /** What this machine lacks, one sentence each. */
  readonly notices: readonly string[]
}

/**
 * A place to run: one worker or several, each with a backend and with what was loaded.
 *
 * Errors have the class with which they were thrown: a CoreError from a worker is a CoreError here, with its fields.
 *
 * @typeParam Source where a file is: a path in Node; an address or a Blob in a browser
 */
export interface Runtime<Source, Backend extends string = string> extends StartedBackend<Backend> {
  /** Workers, each with every model and adapter. */
  readonly threads: number
  /**
   * Loads an SDXL checkpoint. Several may be loaded at once.
   *
   * @throws FormatError for a file that is broken or of another kind; CoreError for one that has no room or is not
   * whole; the runtime's own error for one that cannot be read; the signal's reason when aborted
   */
  loadSdxl(checkpoint: Source, options?: LoadSdxlOptions<Source>): Promise<SdxlHandle>
  /**
   * Loads an LLLite, once for all pictures that it is used for: a file, or a model such as a training's.
   *
   * @param sdxl what it has to fit
   * @throws as `loadSdxl`; FormatError for an LLLite of another U-Net
   */
  loadAdapter(
    source: Source | LlliteModel,
    sdxl: Pick<SdxlHandle, "layout">,
    options?: LoadOptions,
  ): Promise<AdapterHandle>
  /** What the workers hold on their devices, together. */
  memory(): Promise<DeviceMemory>
  /**
   * Ends the workers. What was loaded is gone. Whatever runs, and every later call, fails with a CoreError. Disposing
   * again does nothing.
   */
  dispose(): Promise<void>
}

export interface LoadOptions {
  /** Stops loading, and nothing of the file stays. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: LoadProgress) => void
}

export interface LoadSdxlOptions<Source> extends LoadOptions {
  /** What the checkpoint predicts. Default: `epsilon` */
  readonly prediction?: Prediction
  /** A U-Net to take instead of the checkpoint's. */
  readonly unet?: Source
  /** A VAE to take instead of the checkpoint's. */
  readonly vae?: Source
}

/** How far a file is loaded. */
export type LoadProgress =
  /** Bytes from the server, and the whole file's if the server says so. */
  | { readonly kind: "download"; readonly done: number; readonly total: number | null }
  /** Bytes from the file to the device. */
  | { readonly kind: "read"; readonly done: number; readonly total: number }

/** What workers hold on their devices. */
export interface DeviceMemory {
  readonly tensors: number
  readonly bytes: number
  /** Bytes of buffers for tensors, those that wait to be used again too. */
  readonly allocated: number
}

/** A loaded LLLite. It can be used with every SDXL of its layout in the same runtime. */
export interface AdapterHandle {
  /** Where it sits in the U-Net, and how wide it is. */
  readonly adapters: readonly AdapterPlan[]
  /** Gives its memory back, after the pictures that it is used for now. Disposing again does nothing. */
  dispose(): Promise<void>
}

/** A loaded adapter and how it is used. */
export interface AdapterHandleUse extends Omit<AdapterUse, "lllite" | "strength"> {
  readonly adapter: AdapterHandle
  /** How much of the adapter is added. Default: 1. */
  readonly strength?: number
}

/** Pictures in one batch, where nothing else is said. */
export const DEFAULT_BATCH_SIZE = 4

export interface GenerateRunOptions extends Omit<GenerateOptions, "adapters" | "signal" | "pause"> {
  readonly adapters?: readonly AdapterHandleUse[]
  /** Pictures in one batch. Default: 4 */
  readonly batchSize?: number
  /** Decode the estimate of every picture at every step, which takes as long as decoding the result. Default: false */
  readonly previews?: boolean
  /** Slices of rows in which the VAE decodes a picture. Default: as many as the free memory asks for */
  readonly vaeSlices?: number
  readonly signal?: AbortSignal
}

/** A step of a batch. */
export interface GenerateStep {
  readonly kind: "step"
  /** The batch's first picture, as an index of the requests. */
  readonly first: number
  /** The batch's step, from 1. */
  readonly step: number
  readonly steps: number
  readonly sigma: number
  /** Pictures made so far in all batches, with fractions for those that are not finished. */
  readonly done: number
  /** Pictures in all. */
  readonly count: number
  /** The estimate of every picture of the batch, if previews were asked for. */
  readonly previews: readonly RgbImage[]
}

/** A picture that is finished. */
export interface GeneratedImage {
  readonly kind: "image"
  /** Of its request. */
  readonly index: number
  readonly seed: number
  readonly image: RgbImage
}

export type GenerateRunEvent = GenerateStep | GeneratedImage

export interface TrainRunOptions extends TrainOptions, AdapterDims {
  readonly sites: readonly Site[]
  /** What is minimised. */
  readonly objective?: ObjectiveOptions
  /** A run to continue, which is left as it is. Default: a new one */
  readonly initial?: TrainState
  /**
   * How a new run starts: `default` is sd-scripts' way; `normalised` has conditioners that are normalised over the data
   * set's controls, which count from the first step on (`normaliseConditioners`). Default: `default`
   */
  readonly init?: "default" | "normalised"
  /** Slices of rows in which the VAE encodes a picture. Default: as many as the free memory asks for */
  readonly vaeSlices?: number
  /** After every so many steps the event holds the run as it is, to save or to draw with. Default: after none */
  readonly stateEvery?: number
}

export type TrainRunEvent =
  /** Examples that are encoded. */
  { readonly kind: "cache"; readonly done: number; readonly count: number } | TrainRunStep

export interface TrainRunStep extends Omit<TrainStepEvent, "state"> {
  readonly kind: "step"
  /**
   * With `stateEvery`; null at other steps. Valid until the next event is asked for. Its arrays may lie in shared
   * memory, of which `structuredClone` makes no copy and `slice` does.
   */
  readonly state: TrainState | null
}

/** A loaded SDXL. */
export interface SdxlHandle {
  readonly layout: UnetLayout
  /**
   * Makes pictures, in batches; each is what it would be alone. Yields every step of a batch, and the pictures in their
   * order. Leaving the loop, or aborting the signal, ends the work before the next pass of the U-Net and leaves nothing
   * on the device. A control that is a list has one image for every request.
   *
   * @throws CoreError naming what is wrong with an option; the signal's reason when aborted
   */
  generate(
    requests: readonly PictureRequest[],
    options: GenerateRunOptions,
  ): AsyncGenerator<GenerateRunEvent, void, void>
  /**
   * Caches a data set and trains an LLLite on it. Between two events the device is free for other work. Aborting ends
   * the run inside of a step: between two blocks with `gradientCheckpointing`, between two shards without. It then
   * returns the run as it was after the last whole step, which `initial` continues.
   *
   * @throws CoreError naming what is wrong with an option or an example
   */
  train(dataset: TrainDataset, options: TrainRunOptions): AsyncGenerator<TrainRunEvent, TrainState, void>
  /** Gives its memory back, after what runs with it now. Disposing again does nothing. */
  dispose(): Promise<void>
}
