import type { PictureRequest } from "@lllite/core"
import type { LlliteModel } from "@lllite/core/models"
import type { TrainDataset, TrainState } from "@lllite/core/training"
import type { FloatDtype, UnetLayout } from "@lllite/format"
import { WebRuntimeError } from "./errors.ts"
import type { Client } from "./protocol/client.ts"
import type { WebSource } from "./source.ts"
import { toSent } from "./source.ts"
import type { AttemptOptions, StartedWorker } from "./start-worker.ts"
import { startWorker } from "./start-worker.ts"
import type {
  DeviceMemory,
  GenerateRunEvent,
  LoadProgress,
  MemoryNeed,
  SentGenerateOptions,
  SentTrainOptions,
  TrainStep,
  WebBackend,
  WorkerTasks,
} from "./tasks.ts"
import { WEB_BACKENDS } from "./tasks.ts"

export interface WebRuntimeOptions extends AttemptOptions {
  /** The best that is there and works unless given: `webgpu` on a graphics card, or else `wasm`. */
  readonly backend?: WebBackend
}

export interface LoadOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: LoadProgress) => void
}

export interface LoadSdxlOptions extends LoadOptions {
  /** `epsilon` unless the checkpoint is known to be a v-prediction one. */
  readonly prediction?: "epsilon" | "v"
  /** Pixels of a picture's side for which memory is planned, 1024 unless given. */
  readonly side?: number
  /** Told what the model is going to take, before any of it is read but its header. */
  readonly onPlan?: (need: MemoryNeed) => void
}

export interface WriteLlliteOptions {
  readonly dtype: FloatDtype
  /** See `buildLlliteMetadata` of `@lllite/format/modelspec`. */
  readonly metadata?: ReadonlyMap<string, string>
}

export interface WebGenerateOptions extends SentGenerateOptions {
  readonly signal?: AbortSignal
}

export interface WebTrainOptions extends SentTrainOptions {
  readonly signal?: AbortSignal
}

export type TrainRunEvent = { readonly kind: "cache"; readonly done: number; readonly count: number } | TrainStep

/** A browser's tab as a place to run: a worker with a backend, files, downloads. */
export interface WebRuntime {
  readonly backend: WebBackend
  /** Of the library that computes, and of the device where it is known. */
  readonly version: string
  readonly device: "CPU" | "GPU"
  /** Why a better backend was not taken, and what this machine lacks, one sentence each. */
  readonly notices: readonly string[]
  /**
   * Loads an SDXL checkpoint onto the device.
   *
   * @throws FormatError (by name) for a broken file or one of another kind, CoreError for one that has no room,
   * WebRuntimeError for one that cannot be had
   */
  loadSdxl(checkpoint: WebSource, options?: LoadSdxlOptions): Promise<WebSdxl>
  /** Reads an LLLite that has to fit a U-Net. @throws FormatError (by name) when it is none, broken, or for another U-Net */
  readLllite(source: WebSource, layout: UnetLayout, options?: LoadOptions): Promise<LlliteModel>
  /** An LLLite as a file that any reader of the format loads. */
  writeLllite(model: LlliteModel, options: WriteLlliteOptions): Promise<Blob>
  /** What the worker holds on its device. */
  memory(): Promise<DeviceMemory>
  /** Ends the worker; what was loaded is gone. */
  dispose(): void
}

/** A loaded SDXL. */
export interface WebSdxl {
  readonly layout: UnetLayout
  /**
   * Makes pictures, all in one batch. Leaving the loop or aborting the signal ends it before the next pass of the U-Net
   * and leaves nothing on the device.
   *
   * @throws CoreError (by name) naming what is wrong with an option; the signal's reason when aborted
   */
  generate(
    requests: readonly PictureRequest[],
    options: WebGenerateOptions,
  ): AsyncGenerator<GenerateRunEvent, void, void>
  /**
   * Caches a data set and trains an LLLite on it. Aborting ends it inside of the step that runs: between two blocks
   * with `gradientCheckpointing`, between two shards without. What it returns can be continued. Between two events the
   * device is free to generate.
   *
   * @throws CoreError (by name) naming what is wrong with an option or an example
   */
  train(dataset: TrainDataset, options: WebTrainOptions): AsyncGenerator<TrainRunEvent, TrainState, void>
  /** Gives its memory back. */
  dispose(): Promise<void>
}

/**
 * Starts the browser's runtime: a worker, and in it a backend that has been seen to compute and differentiate. WebGPU
 * is tried first, then WebAssembly; each has a limit of time, and an attempt that fails is named in `notices`. The
 * caller disposes it.
 *
 * @throws WebRuntimeError when no backend works, with what was wrong with each
 */
export async function createWebRuntime(options: WebRuntimeOptions = {}): Promise<WebRuntime> {
  const { backend, ...attempt } = options
  const problems: string[] = []
  for (const name of backend === undefined ? WEB_BACKENDS : [backend]) {
    try {
      return createRuntime(await startWorker(name, attempt), problems)
    } catch (error) {
      problems.push(`${name} is not used: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  throw new WebRuntimeError(`no backend works here. ${problems.join(" ")}`)
}

function createRuntime({ client, close, ...started }: StartedWorker, problems: readonly string[]): WebRuntime {
  return {
    ...started,
    notices: [...problems, ...started.notices],

    async loadSdxl(checkpoint, { prediction = "epsilon", side = 1024, signal, onProgress, onPlan } = {}) {
      const argument = { source: toSent(checkpoint), prediction, side }
      const { model, layout } = await client.call("load", argument, {
        signal,
        onValue: (value) => (value.kind === "plan" ? onPlan?.(value.need) : onProgress?.(value)),
      })
      return createHandle(client, model, layout)
    },
    readLllite: (source, layout, { signal, onProgress } = {}) =>
      client.call("readLllite", { source: toSent(source), layout }, { signal, ...onValue(onProgress) }),
    writeLllite: (model, { dtype, metadata = new Map() }) => client.call("writeLllite", { model, dtype, metadata }),
    memory: () => client.call("memory", null),
    dispose: close,
  }
}

function onValue(tell: ((progress: LoadProgress) => void) | undefined) {
  return tell === undefined ? {} : { onValue: tell }
}

let runs = 0

function createHandle(client: Client<WorkerTasks>, model: number, layout: UnetLayout): WebSdxl {
  return {
    layout,

    async *generate(requests, { signal, ...options }) {
      yield* client.open("generate", { model, requests, options }, { signal })
    },

    async *train(dataset, { signal, ...options }) {
      const run = ++runs
      const { seed } = options
      try {
        for (let index = 0; index < dataset.count; index++) {
          const example = await dataset.example(index)
          await client.call("cache", { model, run, example, index, seed }, { signal })
          yield { kind: "cache", done: index + 1, count: dataset.count }
        }
        return yield* client.open("train", { model, run, options }, { signal })
      } finally {
        await client.call("forget", { run })
      }
    },

    async dispose() {
      await client.call("unload", { model })
    },
  }
}
