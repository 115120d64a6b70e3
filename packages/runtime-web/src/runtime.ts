import type { LlliteModel } from "@lllite/core/models"
import { checkArgument, checkOptions, type OptionKinds } from "@lllite/core/names"
import type { LoadOptions, LoadSdxlOptions, Runtime, SdxlHandle } from "@lllite/core/runtime"
import { CoreError, createRuntime, LOAD_KINDS, LOAD_SDXL_KINDS } from "@lllite/core/runtime"
import type { SavedRun } from "@lllite/core/training"
import type { FloatDtype, UnetLayout } from "@lllite/format"
import { WebRuntimeError } from "./errors.ts"
import type { WebSource } from "./source.ts"
import { toSent } from "./source.ts"
import type { AttemptOptions, StartedWorker } from "./start-worker.ts"
import { startWorker } from "./start-worker.ts"
import type { MemoryNeed, SdxlPlan, SentHeader, TrainNeed, TrainNeedTask, WebBackend, WebTypes } from "./types.ts"
import { WEB_BACKENDS } from "./types.ts"

export interface WebRuntimeOptions extends AttemptOptions {
  /** Default: `webgpu` if it works on a graphics card, or else `wasm`. */
  readonly backend?: WebBackend
}

export interface WebLoadSdxlOptions extends LoadSdxlOptions<WebSource> {
  /** Pixels of a picture's side for which memory is planned. Default: 1024 */
  readonly side?: number
  /** Called with the memory that the model needs, after its header is read and before its weights are read. */
  readonly onPlan?: (need: MemoryNeed) => void
}

export interface PlanSdxlOptions extends Pick<LoadOptions, "signal"> {
  /** Pixels of a picture's side. Default: 1024 */
  readonly side?: number
}

export interface WriteLlliteOptions {
  readonly dtype: FloatDtype
  /** See `buildLlliteMetadata` of `@lllite/format/modelspec`. */
  readonly metadata?: ReadonlyMap<string, string>
}

/** The runtime of a browser's tab: a worker with a backend, files and downloads. */
export interface WebRuntime extends Runtime<WebSource, WebBackend> {
  loadSdxl(checkpoint: WebSource, options?: WebLoadSdxlOptions): Promise<SdxlHandle>
  /**
   * Plans the memory that a checkpoint needs on this device, before it is loaded. Only its header is read. Of a file at
   * an address only those bytes are downloaded.
   *
   * @throws as `loadSdxl`, but for a checkpoint that does not fit: the plan says why
   */
  planSdxl(checkpoint: WebSource, options?: PlanSdxlOptions): Promise<SdxlPlan>
  /**
   * Reads an LLLite's values into the page, to continue its training or to change it. `loadAdapter` keeps them in the
   * worker.
   *
   * @throws FormatError for a file that is not an LLLite, is broken, or is for another U-Net
   */
  readLllite(source: WebSource, layout: UnetLayout, options?: LoadOptions): Promise<LlliteModel>
  /** Writes an LLLite as a file that every reader of the format loads. */
  writeLllite(model: LlliteModel, options: WriteLlliteOptions): Promise<Blob>
  /**
   * Writes a run between two steps as a file. `readTrainState` of `@lllite/runtime-node` reads it, too, and so does
   * `lllite train --resume`.
   */
  writeTrainState(run: SavedRun): Promise<Blob>
  /**
   * Reads a run that `writeTrainState` of any runtime wrote. Its `state` is the `initial` of a training.
   *
   * @throws CoreError when the file is not a run; FormatError when it is broken, or for another U-Net
   */
  readTrainState(source: WebSource, layout: UnetLayout, options?: LoadOptions): Promise<SavedRun>
  /**
   * Plans the memory and the time of a training on this device. The first plan measures the device for about a second.
   *
   * @param sdxl a model of this runtime
   * @throws CoreError for what the training refuses, and for a model of another runtime
   */
  planTrain(sdxl: SdxlHandle, task: TrainNeedTask): Promise<TrainNeed>
}

/**
 * Starts the browser's runtime: a worker with a backend. The backend has computed a known value and a known gradient
 * before it is used. WebGPU is tried first, then WebAssembly. Each attempt has a time limit. `notices` names the
 * attempts that failed. The caller disposes the runtime.
 *
 * @throws WebRuntimeError when no backend works, with the problem of each; the signal's reason when aborted
 */
export async function createWebRuntime(options: WebRuntimeOptions = {}): Promise<WebRuntime> {
  checkOptions("runtime", options, KINDS)
  const { backend, ...attempt } = options
  if (backend !== undefined && !WEB_BACKENDS.includes(backend)) {
    throw new CoreError(
      "option-unknown",
      `runtime: backend is ${JSON.stringify(backend)}, expected one of ${WEB_BACKENDS.join(", ")}.`,
    )
  }
  const problems: string[] = []
  for (const name of backend === undefined ? WEB_BACKENDS : [backend]) {
    try {
      return await runtimeOf(await startWorker(name, attempt), problems)
    } catch (error) {
      attempt.signal?.throwIfAborted()
      problems.push(`${name} is not used: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  throw new WebRuntimeError("no-backend", `no backend works here. ${problems.join(" ")}`)
}

const KINDS: OptionKinds<WebRuntimeOptions> = {
  backend: "text",
  timeLimit: "a number",
  software: "true or false",
  precision: "text",
  worker: "a function",
  signal: "an AbortSignal",
}

const PLAN_KINDS: OptionKinds<PlanSdxlOptions> = { side: "a number", signal: "an AbortSignal" }

const NEED_KINDS: OptionKinds<TrainNeedTask> = {
  ...{ rows: "a number", width: "a number", height: "a number", guided: "true or false" },
  ...{ lllite: "an object or null", controlNets: "a number", sites: "a list", checkpointing: "true or false" },
  ...{ vaeSlices: "a number", tiles: "an object or null", vaeTiles: "an object or null" },
}

const WRITE_KINDS: OptionKinds<WriteLlliteOptions> = { dtype: "text", metadata: "an object" }

interface HeaderOptions extends WebLoadSdxlOptions {
  readonly onHeader?: (header: SentHeader) => void
}

async function runtimeOf(
  { client, close, ...started }: StartedWorker,
  problems: readonly string[],
): Promise<WebRuntime> {
  /** The checkpoints of loaded models, for plans. */
  const headers = new WeakMap<SdxlHandle, SentHeader>()
  const runtime = await createRuntime<WebTypes, WebSource, HeaderOptions>({
    started: { ...started, notices: [...problems, ...started.notices] },
    clients: [client],
    close,
    loadKinds: { ...LOAD_SDXL_KINDS, side: "a number", onPlan: "a function", onHeader: "a function" },
    checkpoint: (checkpoint, { prediction = null, projection = "checkpoint", unet, vae, loras = [], side = 1024 }) => ({
      source: toSent(checkpoint),
      unet: unet === undefined ? null : toSent(unet),
      vae: vae === undefined ? null : toSent(vae),
      loras: loras.map(({ source, ...use }) => ({ ...use, source: toSent(source) })),
      prediction,
      projection,
      side,
    }),
    file: toSent,
    onLoadEvent({ need, header }, { onPlan, onHeader }) {
      onHeader?.(header)
      onPlan?.(need)
    },
  })
  return {
    ...runtime,
    async loadSdxl(checkpoint, options = {}) {
      checkArgument("loadSdxl: the options", options, "an object")
      let header: SentHeader | null = null
      const onHeader = (found: SentHeader): void => {
        header = found
      }
      const sdxl = await runtime.loadSdxl(checkpoint, { ...options, onHeader })
      if (header !== null) headers.set(sdxl, header)
      return sdxl
    },
    // `async` functions, so that a wrong argument is a failed promise.
    async planSdxl(checkpoint, options = {}) {
      checkOptions("planSdxl", options, PLAN_KINDS)
      const { side = 1024, signal } = options
      return client.call("planSdxl", { source: toSent(checkpoint), side }, { signal })
    },
    async readLllite(source, layout, options = {}) {
      return client.call("readLllite", { source: toSent(source), layout }, watched("readLllite", options))
    },
    async writeLllite(model, options) {
      checkArgument("writeLllite: the LLLite", model, "an object")
      checkArgument("writeLllite: the adapters of the LLLite", model.adapters, "a list")
      checkOptions("writeLllite", options, WRITE_KINDS, ["dtype"])
      const { dtype, metadata = new Map() } = options
      return client.call("writeLllite", { model, dtype, metadata })
    },
    async writeTrainState(run) {
      checkArgument("writeTrainState: the run", run, "an object")
      return client.call("writeTrainState", run)
    },
    async readTrainState(source, layout, options = {}) {
      return client.call("readTrainState", { source: toSent(source), layout }, watched("readTrainState", options))
    },
    async planTrain(sdxl, task) {
      checkOptions("planTrain", task, NEED_KINDS, ["rows", "width", "height", "lllite"])
      const header = headers.get(sdxl)
      if (header === undefined) {
        throw new CoreError(
          "not-loaded",
          "planTrain: the SDXL is not loaded in this runtime. Load it with the runtime's loadSdxl.",
        )
      }
      return client.call("planTrain", { header, task })
    },
  }
}

/** The options of a call that loads, as the worker's client takes them. */
function watched(
  place: string,
  options: LoadOptions,
): { signal?: AbortSignal; onValue?: NonNullable<LoadOptions["onProgress"]> } {
  checkOptions(place, options, LOAD_KINDS)
  const { signal, onProgress } = options
  return { ...(signal === undefined ? {} : { signal }), ...(onProgress === undefined ? {} : { onValue: onProgress }) }
}
