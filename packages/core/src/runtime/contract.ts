import type { AdapterDims, Site, UnetLayout } from "@lllite/format"
import type { Prediction } from "../diffusion/names.ts"
import type { AdapterSettings } from "../generation/adapter-settings.ts"
import type { AdapterUse } from "../generation/adapters.ts"
import type { ControlNetSettings, ControlNetUse } from "../generation/control-nets.ts"
import type { ControlPreparation } from "../generation/control-picture.ts"
import type { StepDeltas } from "../generation/delta-meter.ts"
import type { GenerateOptions, PictureRequest } from "../generation/request.ts"
import type { RgbImage } from "../image.ts"
import type { TextualInversion } from "../models/clip/textual-inversion.ts"
import type { TextProjection } from "../models/clip/weights.ts"
import type { AdapterPlan, LlliteModel } from "../models/lllite/layout.ts"
import type { LoraStrength } from "../models/lora/live-lora.ts"
import type { Seed } from "../random/seed.ts"
import type { TrainDataset } from "../training/dataset.ts"
import type { ObjectiveOptions } from "../training/objective-options.ts"
import type { TrainStepEvent } from "../training/train.ts"
import type { TrainOptions } from "../training/train-options.ts"
import type { TrainState } from "../training/train-state.ts"
import type { StepHelper, TrainHelp } from "./train-help.ts"

/*
 * The interface of every runtime. `createNodeRuntime` and `createWebRuntime` create one. `checkRuntime` of
 * `@lllite/core/testing` tests it.
 */

/** A running backend. */
export interface StartedBackend<Backend extends string = string> {
  readonly backend: Backend
  /** The version of the library, and of the device if it is known. */
  readonly version: string
  readonly device: "CPU" | "GPU"
  /** Features that this machine lacks, one sentence each. */
  readonly notices: readonly string[]
}

/**
 * One or more workers. Each has a backend, and every model and adapter.
 *
 * Errors keep their class: a CoreError from a worker is a CoreError here, with its fields.
 *
 * @typeParam Source the location of a file: a path in Node, an address or a Blob in a browser
 */
export interface Runtime<Source, Backend extends string = string> extends StartedBackend<Backend> {
  /** Workers, each with every model and adapter. */
  readonly threads: number
  /**
   * Loads an SDXL checkpoint. Several may be loaded at once.
   *
   * @throws FormatError for a file that is broken or of another kind; CoreError for an incomplete file, or without
   * enough memory; the runtime's error for a file that cannot be read; the signal's reason when aborted
   */
  loadSdxl(checkpoint: Source, options?: LoadSdxlOptions<Source>): Promise<SdxlHandle>
  /**
   * Loads an LLLite, once for all pictures. The source is a file, or a model such as a training's.
   *
   * @param sdxl a model whose layout the LLLite has to fit
   * @throws as `loadSdxl`; FormatError for an LLLite of another U-Net
   */
  loadAdapter(
    source: Source | LlliteModel,
    sdxl: Pick<SdxlHandle, "layout">,
    options?: LoadOptions,
  ): Promise<AdapterHandle>
  /**
   * Loads a LoRA, LoCon, LoHa, LoKr or DoRA that acts beside an SDXL's layers. Its weights stay as they are, so each run
   * of pictures chooses its LoRAs and their strengths. To merge one instead, see `LoadSdxlOptions`. For a DoRA the
   * checkpoint's files are read again.
   *
   * @param sdxl the model of this runtime that the LoRA is for
   * @throws as `loadSdxl`; CoreError for a file that fits no layer
   */
  loadLora(source: Source, sdxl: SdxlHandle, options?: LoadOptions): Promise<LoraHandle>
  /**
   * Loads a ControlNet for SDXL, once for all pictures.
   *
   * @param sdxl a model of this runtime whose widths the ControlNet has to fit
   * @throws as `loadSdxl`; FormatError `wrong-kind` for a file of another kind, such as one for Stable Diffusion 1
   */
  loadControlNet(source: Source, sdxl: SdxlHandle, options?: LoadOptions): Promise<ControlNetHandle>
  /**
   * Reads a textual inversion, for `textualInversions` of `generate`. It is plain data: it needs no disposal, and can be
   * kept or sent.
   *
   * @param name its word in prompts. Default: the name of its file, without the ending
   * @throws FormatError for a file that is broken or a pickle; CoreError for one that is not for SDXL
   */
  readTextualInversion(source: Source, options?: LoadOptions & { readonly name?: string }): Promise<TextualInversion>
  /** The memory that all workers hold on their devices. */
  memory(): Promise<DeviceMemory>
  /**
   * Ends the workers and frees all models and adapters. Running work and every later call fail with a CoreError at
   * once. The promise resolves when the workers have ended. A worker with a native library ends after its current step.
   * A second call waits for the first.
   */
  dispose(): Promise<void>
}

export interface LoadOptions {
  /** Stops loading and frees what was loaded. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: LoadProgress) => void
}

export interface LoadSdxlOptions<Source> extends LoadOptions {
  /** The checkpoint's prediction. Default: as its files say, or else `epsilon` */
  readonly prediction?: Prediction
  /** The way in which pooled text is projected; see `TextLoadOptions`. Default: `checkpoint` */
  readonly projection?: TextProjection
  /** A U-Net that replaces the checkpoint's. */
  readonly unet?: Source
  /** A VAE that replaces the checkpoint's. */
  readonly vae?: Source
  /** LoRAs that are merged into the weights, in this order. */
  readonly loras?: readonly LoraSource<Source>[]
}

/** A LoRA, LoCon, LoHa, LoKr or DoRA for SDXL, in the names of kohya, PEFT or diffusers. */
export interface LoraSource<Source> extends LoraStrength {
  readonly source: Source
}

/** The progress of loading a file. */
export type LoadProgress =
  /** Bytes from the server, and the size of the whole file if the server gives it. */
  | { readonly kind: "download"; readonly done: number; readonly total: number | null }
  /** Bytes from the file to the device. */
  | { readonly kind: "read"; readonly done: number; readonly total: number }

/** The memory that workers hold on their devices. */
export interface DeviceMemory {
  readonly tensors: number
  readonly bytes: number
  /** Bytes of buffers for tensors, including buffers that wait for reuse. */
  readonly allocated: number
}

/** A loaded LLLite. It can be used with every SDXL of its layout in the same runtime. */
export interface AdapterHandle {
  /** Its sites in the U-Net, with their widths. */
  readonly adapters: readonly AdapterPlan[]
  /** What its file holds that is not used, one sentence each. */
  readonly notices: readonly string[]
  /** Frees its memory after the running pictures that use it. A second call does nothing. */
  dispose(): Promise<void>
}

/** A loaded LoRA. It can be used with the SDXL that it was loaded for. */
export interface LoraHandle {
  /** What its file holds that is not used, one sentence each. */
  readonly notices: readonly string[]
  /** Frees its memory after the running pictures that use it. A second call does nothing. */
  dispose(): Promise<void>
}

/** A loaded LoRA with its strengths. */
export interface LoraHandleUse extends LoraStrength {
  readonly lora: LoraHandle
}

/** A loaded ControlNet. It can be used with every SDXL of its widths in the same runtime. */
export interface ControlNetHandle {
  /** What its file holds that is not used, one sentence each. */
  readonly notices: readonly string[]
  /** Frees its memory after the running pictures that use it. A second call does nothing. */
  dispose(): Promise<void>
}

/** A loaded ControlNet with the settings of its use. */
export interface ControlNetHandleUse extends ControlNetSettings, ControlPreparation, Pick<ControlNetUse, "control"> {
  readonly controlNet: ControlNetHandle
}

/** A loaded adapter with the settings of its use. */
export interface AdapterHandleUse extends AdapterSettings, ControlPreparation, Pick<AdapterUse, "control"> {
  readonly adapter: AdapterHandle
}

/** The default number of pictures in one batch. */
export const DEFAULT_BATCH_SIZE = 4

export interface GenerateRunOptions
  extends Omit<GenerateOptions, "adapters" | "controlNets" | "loras" | "signal" | "pause"> {
  readonly adapters?: readonly AdapterHandleUse[]
  /** ControlNets, whose outputs are summed. They act beside the adapters. Default: none. */
  readonly controlNets?: readonly ControlNetHandleUse[]
  /** LoRAs that act beside the layers. What they add is summed. Default: none. */
  readonly loras?: readonly LoraHandleUse[]
  /** Pictures in one batch. Default: 4 */
  readonly batchSize?: number
  /** Decode the estimate of every picture at every step. This takes as long as decoding the result. Default: false */
  readonly previews?: boolean
  /** Slices of rows in which the VAE decodes a picture. Default: the fewest that fit the free memory */
  readonly vaeSlices?: number
  readonly signal?: AbortSignal
}

/** A step of a batch. */
export interface GenerateStep {
  readonly kind: "step"
  /** The index of the batch's first picture among the requests. */
  readonly first: number
  /** The batch's step, from 1. */
  readonly step: number
  readonly steps: number
  readonly sigma: number
  /** Pictures done in all batches, with fractions for unfinished ones. */
  readonly done: number
  /** The number of all pictures. */
  readonly count: number
  /** The estimate of every picture of the batch with `previews`, otherwise empty. */
  readonly previews: readonly RgbImage[]
}

/** A tile of a batch's pass, with `tiles`. The last tile of a pass has none. */
export interface GenerateTile extends Omit<GenerateStep, "kind" | "sigma" | "previews"> {
  readonly kind: "tile"
  /** The number of tiles that are done in this pass. */
  readonly tile: number
  readonly tiles: number
}

/** A picture that is finished. */
export interface GeneratedImage {
  readonly kind: "image"
  /** The index of its request. */
  readonly index: number
  readonly seed: Seed
  readonly image: RgbImage
}

/** A picture of the first stage of `hires`, with `firstStage`. */
export interface FirstStageImage extends Omit<GeneratedImage, "kind"> {
  readonly kind: "first-stage"
}

/** What the adapters added to the pictures of a batch. With `measureAdapters`, it comes before the batch's pictures. */
export interface GeneratedDeltas {
  readonly kind: "deltas"
  /** The index of the batch's first picture among the requests. */
  readonly first: number
  readonly steps: readonly StepDeltas[]
}

export type GenerateRunEvent =
  /** What is not followed, or not as it was written. It comes before the first step. */
  | { readonly kind: "notice"; readonly text: string }
  | GenerateStep
  | GenerateTile
  | GeneratedDeltas
  | FirstStageImage
  | GeneratedImage

export interface TrainRunOptions extends TrainOptions, AdapterDims {
  readonly sites: readonly Site[]
  /** The objective to minimise. */
  readonly objective?: ObjectiveOptions
  /** A run to continue. It stays unchanged. Default: a new run */
  readonly initial?: TrainState
  /**
   * How a new run starts. `default` starts as sd-scripts. `normalised` normalises the conditioners over the data set's
   * controls, so that the controls count from the first step on (`normaliseConditioners`). Default: `default`
   */
  readonly init?: "default" | "normalised"
  /**
   * The most that a site may add after each update, in units of its layer's input (`limitSites`). The optimiser then
   * runs on the processor. Default: no limit.
   */
  readonly siteLimit?: number
  /** Slices of rows in which the VAE encodes a picture. Default: the fewest that fit the free memory */
  readonly vaeSlices?: number
  /**
   * The most bytes of encoded examples that are kept in memory. Others are encoded anew at each step that shows them, if
   * the data set does not keep their latents elsewhere. Default: no limit
   */
  readonly keptBytes?: number
  /**
   * The interval in steps at which an event has the run's state, to save or to draw with. Of several intervals, every
   * multiple of each counts. Default: no event has it
   */
  readonly stateEvery?: number | readonly number[]
  /** What computes parts of the steps beside this runtime, such as other machines. Default: nothing */
  readonly help?: TrainHelp
  /**
   * How gradients of parts are rounded before they are added. `float16` keeps what it leaves out for the next step, also in
   * the state. The result does not depend on where parts are computed. Default: `float32`, not at all
   */
  readonly partPrecision?: "float32" | "float16"
}

export type TrainRunEvent =
  /**
   * What the run does not follow, and what encoding found, after the caching and before the first step. What is about
   * gradients comes before a step.
   */
  | {
      readonly kind: "notice"
      readonly about: "captions" | "latents" | "texts" | "gradients"
      readonly text: string
    }
  /** The number of encoded examples. Repeats of an example count, and are encoded once. */
  | { readonly kind: "cache"; readonly done: number; readonly count: number }
  | TrainRunStep

export interface TrainRunStep extends Omit<TrainStepEvent, "state"> {
  readonly kind: "step"
  /**
   * The run's state at the steps of `stateEvery`, and null at other steps. It is valid until the next event is
   * requested. Its arrays may be in shared memory, which `slice` copies and `structuredClone` does not.
   */
  readonly state: TrainState | null
}

/** Options of a run that fills the stores of a data set: those of the training that will read them. */
export interface CacheRunOptions {
  /** Seed of the draws from the VAE's posterior. */
  readonly seed: Seed
  /** Chunks of 75 tokens that are read of a caption. Default: 1. */
  readonly captionChunks?: number
  /** Whether `(word:1.2)` and its like are weights in captions. Default: false. */
  readonly weightedCaptions?: boolean
  /** Slices of rows in which the VAE encodes a picture. Default: the fewest that fit the free memory */
  readonly vaeSlices?: number
  /** The examples to encode. Default: all */
  readonly indices?: readonly number[]
  readonly signal?: AbortSignal
}

/** What a run says that fills the stores of a data set. */
export type CacheRunEvent = Exclude<TrainRunEvent, TrainRunStep>

/** Options of a validation: those of the training that it belongs to. */
export interface ValidationOptions {
  /** Seed of the noise, and of the draws from the VAE's posterior. */
  readonly seed: Seed
  /** Chunks of 75 tokens that are read of a caption. Default: 1. */
  readonly captionChunks?: number
  /** Whether `(word:1.2)` and its like are weights in captions. Default: false. */
  readonly weightedCaptions?: boolean
  readonly objective?: ObjectiveOptions
  /** Slices of rows in which the VAE encodes a picture. Default: the fewest that fit the free memory */
  readonly vaeSlices?: number
}

/** Held-out examples, encoded once. */
export interface Validation {
  /**
   * The losses of every example at fixed timesteps and with fixed noise, see `validationLosses`. So two calls differ by
   * the LLLite alone.
   *
   * @param lllite it stays unchanged. Null: the model without an LLLite
   * @returns for each example a loss for each timestep
   * @throws CoreError; the signal's reason when aborted
   */
  losses(lllite: LlliteModel | null, signal?: AbortSignal): Promise<readonly (readonly number[])[]>
  /** Frees what the workers keep of it. */
  dispose(): Promise<void>
}

/** A loaded SDXL. */
export interface SdxlHandle {
  readonly layout: UnetLayout
  /** The prediction that it is run with. */
  readonly prediction: Prediction
  /** Whether its noise schedule is rescaled to zero terminal SNR, as its file says. */
  readonly zeroTerminalSnr: boolean
  /** What of its files is not used or not followed, or was followed unasked. One sentence each. */
  readonly notices: readonly string[]
  /**
   * Makes pictures in batches. Each picture is the same as alone. Yields every step of a batch, and the pictures in
   * their order. Leaving the loop or aborting the signal ends the work before the next pass of the U-Net, and frees its
   * memory. A control, a start picture or a mask that is a list has one image for every request.
   *
   * @throws CoreError that names the wrong option; the signal's reason when aborted
   */
  generate(
    requests: readonly PictureRequest[],
    options: GenerateRunOptions,
  ): AsyncGenerator<GenerateRunEvent, void, void>
  /**
   * Caches a data set and trains an LLLite on it. Between two events the device is free for other work. Aborting ends
   * the run inside of a step: between two blocks with `gradientCheckpointing`, otherwise between two shards. The result
   * is then the run after the last complete step, which `initial` continues.
   *
   * @throws CoreError that names the wrong option or example; DivergedError, with the run after the last good step, when
   * a loss or a weight is not finite
   */
  train(dataset: TrainDataset, options: TrainRunOptions): AsyncGenerator<TrainRunEvent, TrainState, void>
  /**
   * Fills the stores of a data set without training: its `latents`, its `texts`, or both. What they have already stays. They
   * get what `train` with the same options would write. Examples that vary or are streamed have no latents to keep.
   * Leaving the loop ends the work after the examples that are being encoded.
   *
   * @throws CoreError for a data set without stores or examples, and for an example that cannot be encoded; the signal's
   * reason when aborted
   */
  cache(dataset: TrainDataset, options: CacheRunOptions): AsyncGenerator<CacheRunEvent, void, void>
  /**
   * Prepares held-out examples to be measured, also between two events of a training. Each is shown as it is, without
   * changes of pictures and captions.
   *
   * @throws CoreError that names the wrong option
   */
  validation(dataset: TrainDataset, options: ValidationOptions): Validation
  /** Computes parts of the steps of one training that runs elsewhere. */
  stepHelper(): StepHelper
  /** Frees its memory after the work that runs with it now. A second call does nothing. */
  dispose(): Promise<void>
}
