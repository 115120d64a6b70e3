import type { UnetLayout } from "@lllite/format"
import type { PictureRequest } from "../generation/request.ts"
import type { TextualInversion } from "../models/clip/textual-inversion.ts"
import type { LlliteModel } from "../models/lllite/layout.ts"
import type { LoraStrength } from "../models/lora/live-lora.ts"
import type { PromptOptions } from "../prompt/options.ts"
import type { Seed } from "../random/seed.ts"
import type { Sized } from "../training/batches.ts"
import type { EncodedRow, ExampleRow } from "../training/example-row.ts"
import type { LossAndGradients } from "../training/gradients.ts"
import type { FirstControl } from "../training/normalise-conditioners.ts"
import type { ObjectiveOptions } from "../training/objective-options.ts"
import type { GradientTask } from "../training/train.ts"
import type { TrainState } from "../training/train-state.ts"
import type {
  AdapterHandle,
  AdapterHandleUse,
  ControlNetHandle,
  ControlNetHandleUse,
  DeviceMemory,
  FirstStageImage,
  GeneratedDeltas,
  GeneratedImage,
  GenerateRunOptions,
  GenerateStep,
  GenerateTile,
  LoadProgress,
  LoraHandle,
  SdxlHandle,
  StartedBackend,
  TrainRunOptions,
  TrainRunStep,
} from "./contract.ts"
import type { StepGroup, StepPart } from "./train-help.ts"

/*
 * The tasks of a runtime's worker: arguments, yielded values and results. All of them are data that can be sent.
 * Models, adapters and runs are numbers, which the client chooses.
 */

/** Types that differ between runtimes. Their values can be sent. */
export interface RuntimeTypes {
  /** Arguments of a backend's start. */
  readonly start: unknown
  readonly backend: string
  /** The location of a checkpoint, with the options of loading. */
  readonly checkpoint: unknown
  /** What loading yields besides progress. */
  readonly loadEvent: unknown
  /** The location of a file. */
  readonly file: unknown
}

/** An LLLite's adapters and values. The slots follow from the adapters. */
export type SentModel = Pick<LlliteModel, "adapters" | "values">

export interface SentAdapterUse extends Omit<AdapterHandleUse, "adapter"> {
  readonly adapter: number
}

/** A LoRA's number, with its strengths. */
export interface SentLoraUse extends LoraStrength {
  readonly lora: number
}

/** A step as a worker sends it. */
export type SentTrainStep = TrainRunStep & {
  /** What is to be said before it. Default: nothing */
  readonly notice?: string
}

/** A ControlNet's number, with the settings of its use. */
export interface SentControlNetUse extends Omit<ControlNetHandleUse, "controlNet"> {
  readonly controlNet: number
}

export interface SentGenerateOptions
  extends Omit<GenerateRunOptions, "adapters" | "controlNets" | "loras" | "batchSize" | "signal"> {
  readonly adapters: readonly SentAdapterUse[]
  readonly controlNets: readonly SentControlNetUse[]
  readonly loras: readonly SentLoraUse[]
}

export type SentTrainOptions = Omit<TrainRunOptions, "signal" | "vaeSlices" | "keptBytes" | "help">

/** The tasks of a training's help. The leading worker calls them. See `TrainHelp`. */
export type HelpTasks = {
  free: { argument: null; yields: never; returns: { readonly places: number; readonly branches: number } }
  gradient: { argument: StepPart; yields: never; returns: LossAndGradients | null }
  sum: { argument: StepGroup; yields: never; returns: LossAndGradients | null }
  takeFeedback: { argument: number; yields: never; returns: ReadonlyMap<number, Float32Array> }
}

/** How the examples of a run are encoded. */
export interface SentEncodeOptions {
  readonly seed: Seed
  /** Null: as the memory of the worker's device allows. */
  readonly vaeSlices: number | null
  readonly captionChunks: number
  readonly weightedCaptions: boolean
}

export type RuntimeTasks<Types extends RuntimeTypes> = {
  /** The first task of every worker. */
  start: { argument: Types["start"]; yields: never; returns: StartedBackend<Types["backend"]> }
  /** Serves another worker, too. */
  listen: { argument: { readonly port: MessagePort }; yields: never; returns: null }
  /** Connects to other workers, which help with trainings. */
  lead: { argument: { readonly ports: readonly MessagePort[] }; yields: never; returns: null }

  load: {
    argument: { readonly model: number; readonly from: Types["checkpoint"] }
    yields: LoadProgress | Types["loadEvent"]
    returns: Pick<SdxlHandle, "layout" | "prediction" | "zeroTerminalSnr" | "notices">
  }
  unload: { argument: { readonly model: number }; yields: never; returns: null }
  loadAdapter: {
    argument: {
      readonly adapter: number
      readonly layout: UnetLayout
      readonly from: { readonly model: SentModel } | { readonly file: Types["file"] }
    }
    yields: LoadProgress
    returns: Pick<AdapterHandle, "adapters" | "notices">
  }
  readTextualInversion: {
    argument: { readonly file: Types["file"]; readonly name: string | null }
    yields: LoadProgress
    returns: TextualInversion
  }
  loadLora: {
    argument: { readonly lora: number; readonly model: number; readonly file: Types["file"] }
    yields: LoadProgress
    returns: Pick<LoraHandle, "notices">
  }
  loadControlNet: {
    argument: { readonly controlNet: number; readonly model: number; readonly file: Types["file"] }
    yields: LoadProgress
    returns: Pick<ControlNetHandle, "notices">
  }
  unloadControlNet: { argument: { readonly controlNet: number }; yields: never; returns: null }
  unloadLora: { argument: { readonly lora: number }; yields: never; returns: null }
  unloadAdapter: { argument: { readonly adapter: number }; yields: never; returns: null }

  /** What is not read of prompts, or not as letters. See `promptNotices`. */
  promptNotices: {
    argument: {
      readonly model: number
      readonly prompts: readonly string[]
      readonly options: PromptOptions
      readonly textualInversions: readonly TextualInversion[]
    }
    yields: never
    returns: readonly string[]
  }
  /** The chunks of tokens that each request needs. */
  countChunks: {
    argument: {
      readonly model: number
      readonly requests: readonly PictureRequest[]
      readonly options: Pick<GenerateRunOptions, "guidanceScale" | "prompts" | "textualInversions" | "negativeParts">
    }
    yields: never
    returns: readonly number[]
  }

  generate: {
    argument: {
      readonly model: number
      readonly requests: readonly PictureRequest[]
      readonly options: SentGenerateOptions
    }
    yields:
      | { readonly kind: "notice"; readonly text: string }
      | Omit<GenerateStep, "first" | "done" | "count">
      | Omit<GenerateTile, "first" | "done" | "count">
      | Omit<GeneratedDeltas, "first">
      | FirstStageImage
      | GeneratedImage
    returns: null
  }

  /** Encodes what is left to encode of a row. Its caption may be cut. */
  encode: {
    argument: {
      readonly model: number
      readonly run: number
      readonly encoding: SentEncodeOptions
      readonly row: ExampleRow
      readonly caption: string
    }
    yields: never
    returns: { readonly row: EncodedRow; readonly isCut: boolean }
  }
  /** Gives the leading worker the rows of the next step, by the numbers of their batches. */
  supply: {
    argument: {
      readonly model: number
      readonly run: number
      readonly encoding: SentEncodeOptions
      readonly rows: ReadonlyMap<number, readonly ExampleRow[]>
    }
    yields: never
    returns: null
  }
  /**
   * Computes a part of a step for another worker. The gradients are written into memory that both share. Null: they are
   * in memory of their own.
   */
  gradient: {
    argument: {
      readonly model: number
      readonly run: number
      readonly encoding: SentEncodeOptions
      readonly lllite: SentModel
      readonly task: GradientTask
      readonly rows: readonly ExampleRow[]
      readonly objective: ObjectiveOptions
      readonly into: Float32Array | null
      /** Where ranges of `into` are posted as soon as they are final. Null: nowhere. */
      readonly progress: MessagePort | null
    }
    yields: never
    returns: LossAndGradients
  }
  /** The losses of a held-out example. See `validationLosses`. */
  losses: {
    argument: {
      readonly model: number
      readonly run: number
      readonly encoding: SentEncodeOptions
      readonly lllite: SentModel | null
      readonly row: ExampleRow
      readonly index: number
      readonly objective: ObjectiveOptions
    }
    yields: never
    returns: readonly number[]
  }
  /** The state at the beginning of a run. */
  begin: {
    argument: { readonly controls: readonly FirstControl[]; readonly options: SentTrainOptions }
    yields: never
    returns: TrainState
  }
  /** The rows of a step are supplied before the step is requested. */
  train: {
    argument: {
      readonly model: number
      readonly run: number
      readonly encoding: SentEncodeOptions
      readonly sizes: readonly Sized[]
      readonly controls: readonly FirstControl[]
      readonly options: SentTrainOptions
      /** The training's help. Null: none. */
      readonly help: MessagePort | null
    }
    yields: SentTrainStep
    returns: TrainState
  }
  /** Frees what a worker keeps for a run. */
  forget: { argument: { readonly run: number }; yields: never; returns: null }

  memory: { argument: null; yields: never; returns: DeviceMemory }
}
