import type { GenerateOptions, PictureRequest } from "@lllite/core"
import type { RgbImage } from "@lllite/core/image"
import type { LlliteModel } from "@lllite/core/models"
import type { ObjectiveOptions, TrainExample, TrainOptions, TrainState } from "@lllite/core/training"
import type { AdapterDims, FloatDtype, Site, UnetLayout } from "@lllite/format"

/*
 * The tasks of the worker: what the page gives, what is yielded, and what comes back. All of it is data that can be
 * sent.
 */

/** Backends of the browser, best first. */
export const WEB_BACKENDS = ["webgpu", "wasm"] as const
export type WebBackend = (typeof WEB_BACKENDS)[number]

/** A backend that runs, and what it is. */
export interface StartedBackend {
  readonly backend: WebBackend
  /** Of the library that computes, and of the device where it is known. */
  readonly version: string
  readonly device: "CPU" | "GPU"
  /** What this machine lacks, one sentence each. */
  readonly notices: readonly string[]
}

/** Where a file is, in a form that can be sent. */
export type SentSource =
  | { readonly kind: "blob"; readonly blob: Blob; readonly label: string }
  | { readonly kind: "url"; readonly url: string; readonly keep: boolean }
  | { readonly kind: "stored"; readonly name: string }

/** What a model takes on a device, weights included, for pictures of some size. */
export interface MemoryNeed {
  /** Pixels. */
  readonly side: number
  readonly weightBytes: number
  /** For a guided picture under an LLLite. */
  readonly generateBytes: number
  /** For a training step with one pair and gradient checkpointing. */
  readonly trainBytes: number
  /** The largest tensor or weight of a generation. */
  readonly tensorBytes: number
}

/** How far a checkpoint has come. */
export type LoadProgress =
  /** Bytes from the server, and the whole file's if the server says so. */
  | { readonly kind: "download"; readonly done: number; readonly total: number | null }
  /** Bytes from the file to the device. */
  | { readonly kind: "read"; readonly done: number; readonly total: number }

/** An LLLite on the page and how it is used. */
export interface WebAdapterUse {
  readonly lllite: LlliteModel
  /** One control image for each picture, or one for all; of the pictures' size. */
  readonly control: RgbImage | readonly RgbImage[]
  readonly strength?: number
  readonly start?: number
  readonly end?: number
}

/** As core's options, with LLLites that live on the page. */
export interface SentGenerateOptions extends Omit<GenerateOptions, "adapters" | "signal" | "pause"> {
  readonly adapters?: readonly WebAdapterUse[]
  /** Decode the estimate of the picture at every step. Takes as long as decoding the result does. No unless given. */
  readonly previews?: boolean
}

export type GenerateRunEvent =
  | {
      readonly kind: "step"
      /** From 1. */
      readonly step: number
      readonly steps: number
      readonly sigma: number
      /** The estimate of every picture, if previews were asked for. */
      readonly previews: readonly RgbImage[]
    }
  | { readonly kind: "image"; readonly index: number; readonly seed: number; readonly image: RgbImage }

export interface SentTrainOptions extends Omit<TrainOptions, "signal">, AdapterDims {
  /** What is minimised. */
  readonly objective?: ObjectiveOptions
  readonly sites: readonly Site[]
  /** A run to continue; a new one unless given. */
  readonly initial?: TrainState
  /**
   * How a new run starts: as sd-scripts does unless given, or with conditioners normalised over the data set's controls,
   * which are then heard from the first step on (`normaliseConditioners`).
   */
  readonly init?: "default" | "normalised"
  /** After every so many steps the event holds the run as it is, to save or to draw with. Never unless given. */
  readonly stateEvery?: number
}

export interface TrainStep {
  readonly kind: "step"
  /** Steps taken, this one included. */
  readonly step: number
  readonly steps: number
  readonly loss: number
  readonly learningRate: number
  /** Before clipping. */
  readonly gradientNorm: number
  /** A copy, with `stateEvery`. */
  readonly state: TrainState | null
}

/** What the worker holds on its device. */
export interface DeviceMemory {
  readonly tensors: number
  readonly bytes: number
  /** Bytes of buffers for tensors, those that wait to be used again too. */
  readonly allocated: number
}

export type WorkerTasks = {
  /** Comes before all others. */
  start: {
    argument: { readonly backend: WebBackend; readonly software: boolean }
    yields: never
    returns: StartedBackend
  }
  load: {
    argument: { readonly source: SentSource; readonly prediction: "epsilon" | "v"; readonly side: number }
    yields: LoadProgress | { readonly kind: "plan"; readonly need: MemoryNeed }
    returns: { readonly model: number; readonly layout: UnetLayout }
  }
  unload: { argument: { readonly model: number }; yields: never; returns: null }
  generate: {
    argument: {
      readonly model: number
      readonly requests: readonly PictureRequest[]
      readonly options: SentGenerateOptions
    }
    yields: GenerateRunEvent
    returns: null
  }
  /** Adds an example to a run's cache. */
  cache: {
    argument: {
      readonly model: number
      readonly run: number
      readonly example: TrainExample
      readonly index: number
      readonly seed: number
    }
    yields: never
    returns: null
  }
  train: {
    argument: { readonly model: number; readonly run: number; readonly options: SentTrainOptions }
    yields: TrainStep
    returns: TrainState
  }
  /** Forgets a run's cache. */
  forget: { argument: { readonly run: number }; yields: never; returns: null }
  readLllite: {
    argument: { readonly source: SentSource; readonly layout: UnetLayout }
    yields: LoadProgress
    returns: LlliteModel
  }
  writeLllite: {
    argument: {
      readonly model: LlliteModel
      readonly dtype: FloatDtype
      readonly metadata: ReadonlyMap<string, string>
    }
    yields: never
    returns: Blob
  }
  memory: { argument: null; yields: never; returns: DeviceMemory }
}
