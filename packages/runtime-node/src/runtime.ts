import { availableParallelism } from "node:os"
import type { PictureRequest } from "@lllite/core"
import { CoreError } from "@lllite/core"
import type { RgbImage } from "@lllite/core/image"
import type {
  CachedExample,
  GradientSource,
  ObjectiveOptions,
  TrainDataset,
  TrainOptions,
  TrainState,
  TrainStepEvent,
} from "@lllite/core/training"
import { createTrainState, train } from "@lllite/core/training"
import type { AdapterDims, Site, UnetLayout } from "@lllite/format"
import type { NodeBackend, Precision, WeightFormat } from "./backends/names.ts"
import type { StartOptions } from "./backends/started-backend.ts"
import { expectRoom } from "./checkpoint-room.ts"
import { joinedParts, openSdxl, type SdxlPaths } from "./files/open-sdxl.ts"
import { prepareTensorflowEnvironment } from "./tensorflow/environment.ts"
import type { TensorflowSearch } from "./tensorflow/installation.ts"
import { findTensorflow } from "./tensorflow/installation.ts"
import type { WorkerPool } from "./workers/pool.ts"
import { createPool } from "./workers/pool.ts"
import type { WorkerGenerateOptions } from "./workers/protocol.ts"

export interface NodeRuntimeOptions {
  /** The best that is there and works unless given: `tensorflow`, or else `wasm`, which runs anywhere. */
  readonly backend?: NodeBackend
  /**
   * Worker threads, each with a model of its own: two on `wasm`, or one on a machine of one core, unless given.
   * `tensorflow` uses every core from one thread, and takes no more.
   */
  readonly threads?: number
  /** In which products with the base model's weights are computed: `float32` unless given. See `StartOptions`. */
  readonly precision?: Precision
  /** How the base model's weights are held: as the file has them unless given. See `StartOptions`. */
  readonly weights?: WeightFormat
}

/** Node as a place to run: threads, files, pictures. */
export interface NodeRuntime {
  readonly backend: NodeBackend
  /** Of the library that computes. */
  readonly version: string
  readonly device: "CPU" | "GPU"
  readonly threads: number
  /** Why a better backend that is there was not taken, one sentence each. */
  readonly notices: readonly string[]
  /**
   * Loads an SDXL into every thread: `tiny` for the embedded one, or a path; see `SdxlPaths`.
   *
   * @throws FormatError for a broken file or one of another kind; InputError for what is not there; CoreError for one
   * that is not whole, or that the memory has no room for
   */
  loadSdxl(checkpoint: string, options?: LoadOptions): Promise<SdxlHandle>
  /** Ends the threads; what was loaded is gone. */
  dispose(): Promise<void>
}

/** What an SDXL predicts, and which of its parts come from elsewhere. */
export interface LoadOptions extends Omit<SdxlPaths, "checkpoint"> {
  /** `epsilon` unless given. */
  readonly prediction?: "epsilon" | "v"
}

export interface TrainRunOptions extends TrainOptions, AdapterDims {
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
  /** Slices of rows in which the VAE encodes a picture: as many as the free memory asks for, unless given. */
  readonly vaeSlices?: number
}

export type TrainRunEvent =
  | { readonly kind: "cache"; readonly done: number; readonly count: number }
  | ({ readonly kind: "step" } & TrainStepEvent)

export interface HostGenerateOptions extends WorkerGenerateOptions {
  /** Pictures in one batch, 4 unless given. */
  readonly batchSize?: number
  /** Slices of rows in which the VAE decodes a picture: as many as the free memory asks for, unless given. */
  readonly vaeSlices?: number
  readonly signal?: AbortSignal
}

export type GenerateRunEvent =
  | { readonly kind: "progress"; readonly done: number; readonly count: number }
  | { readonly kind: "image"; readonly index: number; readonly seed: number; readonly image: RgbImage }

/** A loaded SDXL. */
export interface SdxlHandle {
  /** As it was asked for. */
  readonly label: string
  readonly layout: UnetLayout
  /**
   * Caches a data set and trains an LLLite on it, parts of every batch side by side. Aborting ends it after the step
   * that runs; the state it returns, and that of the last event, can be continued.
   *
   * @throws CoreError naming what is wrong with an option or an example
   */
  train(dataset: TrainDataset, options: TrainRunOptions): AsyncGenerator<TrainRunEvent, TrainState, void>
  /**
   * Makes pictures, in batches side by side; each is what it would be alone. Pictures come in order. A control that is
   * a list has one image for every request.
   *
   * @throws CoreError naming what is wrong with an option; the signal's reason when aborted
   */
  generate(
    requests: readonly PictureRequest[],
    options: HostGenerateOptions,
  ): AsyncGenerator<GenerateRunEvent, void, void>
}

/**
 * Starts Node's runtime: threads, and in each a backend that has been seen to compute and differentiate. The caller
 * disposes it.
 *
 * @throws InputError when the backend that is asked for is not installed; Error when it does not work
 */
export async function createNodeRuntime(options: NodeRuntimeOptions = {}): Promise<NodeRuntime> {
  const { threads } = options
  if (threads !== undefined && (!Number.isSafeInteger(threads) || threads < 1)) {
    throw new CoreError(`runtime: threads must be a positive integer, got ${threads}`)
  }
  const { pool, notices, ...started } = await startPool(options)
  return {
    ...started,
    threads: pool.workers.length,
    notices,
    async loadSdxl(checkpoint, { prediction = "epsilon", ...parts } = {}) {
      const place = { ...started, threads: pool.workers.length, weights: options.weights ?? "file" }
      const { files, close } = await openSdxl({ checkpoint, ...parts })
      await close()
      expectRoom(joinedParts(files), place)
      const call = { checkpoint, prediction, ...parts }
      const [first] = await Promise.all(pool.workers.map((worker) => worker.call("load", call)))
      if (first === undefined) throw new CoreError("runtime: no thread is running")
      return createHandle(pool, checkpoint, first.layout)
    },
    dispose: () => pool.close(),
  }
}

interface StartedPool extends Pick<NodeRuntime, "backend" | "version" | "device" | "notices"> {
  readonly pool: WorkerPool
}

/** The backend that is asked for, or the best that works. */
async function startPool({ backend, threads, ...rest }: NodeRuntimeOptions): Promise<StartedPool> {
  if (backend !== undefined) return startPoolOn(backend, threads, rest)
  const { found, unusable }: TensorflowSearch = findTensorflow()
  // Whoever asks for several threads wants a backend that takes them.
  if (threads !== undefined && threads !== 1) return startPoolOn("wasm", threads, rest)
  const notices = unusable.map(({ source, problem }) => `TensorFlow from ${source} is not used: ${problem}`)
  if (found === null) return { ...(await startPoolOn("wasm", threads, rest)), notices }
  try {
    return { ...(await startPoolOn("tensorflow", threads, rest)), notices }
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    const notice = `TensorFlow from ${found.source} is there and does not work: ${problem} Computing with wasm instead.`
    return { ...(await startPoolOn("wasm", threads, rest)), notices: [...notices, notice] }
  }
}

async function startPoolOn(
  backend: NodeBackend,
  threads: number | undefined,
  options: StartOptions,
): Promise<StartedPool> {
  const isAlone = backend === "tensorflow" || backend === "webgpu"
  if (backend === "tensorflow") {
    // Its binding keeps the names of attributes in a table that threads may not change at once.
    if (threads !== undefined && threads !== 1) {
      throw new CoreError(`runtime: tensorflow uses every core from one thread; threads must be 1, got ${threads}`)
    }
    prepareTensorflowEnvironment()
  }
  const pool = createPool(threads ?? (isAlone ? 1 : Math.min(2, availableParallelism())))
  try {
    const [first] = await Promise.all(
      pool.workers.map((worker) => worker.call("start", { backend, options, threads: pool.workers.length })),
    )
    if (first === undefined) throw new CoreError("runtime: no thread is running")
    return { ...first, pool, notices: [] }
  } catch (error) {
    await pool.close()
    throw error
  }
}

function createHandle(pool: WorkerPool, label: string, layout: UnetLayout): SdxlHandle {
  return {
    label,
    layout,

    async *train(dataset, options) {
      const { sites, condDim, mlpDim, initial, init = "default", signal, seed, vaeSlices } = options
      const examples: CachedExample[] = []
      for await (const event of cacheAll(pool, dataset, { seed, vaeSlices }, signal)) {
        if (event.kind === "cached") examples.push(event.example)
        else yield event
      }
      if (examples.length < dataset.count) return initial ?? createTrainState(sites, { condDim, mlpDim }, seed)
      await Promise.all(pool.workers.map((worker) => worker.call("examples", examples)))
      const controls = init === "normalised" ? examples.map(({ control }) => control) : []
      const state = initial ?? createTrainState(sites, { condDim, mlpDim }, seed, { controls })
      const steps = train(state, examples, { gradients: gradientsBy(pool, options) }, options)
      for (;;) {
        const next = await steps.next()
        if (next.done === true) return next.value
        yield { kind: "step", ...next.value }
      }
    },

    async *generate(requests, options) {
      const { batchSize = 4, signal, ...rest } = options
      const count = requests.length
      const starts = Array.from({ length: Math.ceil(count / batchSize) }, (_, batch) => batch * batchSize)
      // Events come from several threads; they are handed on one by one, pictures in order.
      const events = createQueue<GenerateRunEvent>()
      const fractions = new Array<number>(starts.length).fill(0)
      const stop = (): void => pool.abort()
      signal?.addEventListener("abort", stop)
      const ready = new Map<number, RgbImage>()
      let sent = 0
      const work = pool
        .map(starts, async (worker, from, batch) => {
          signal?.throwIfAborted()
          const part = requests.slice(from, from + batchSize)
          const own = { ...rest, adapters: adaptersOfPart(rest.adapters ?? [], from, part.length, count) }
          const images = await worker.call("generate", { requests: part, options: own }, (step, steps) => {
            fractions[batch] = (step / steps) * part.length
            events.push({ kind: "progress", done: fractions.reduce((sum, value) => sum + value, 0), count })
          })
          for (const [i, image] of images.entries()) ready.set(from + i, image)
          for (let image = ready.get(sent); image !== undefined; image = ready.get(++sent)) {
            events.push({ kind: "image", index: sent, seed: requests[sent]?.seed ?? 0, image })
          }
        })
        .then(
          () => events.end(),
          (error: unknown) => events.fail(signal?.aborted ? signal.reason : error),
        )
      try {
        yield* events
      } finally {
        signal?.removeEventListener("abort", stop)
        await work
      }
    },
  }
}

type CacheEvent =
  | { readonly kind: "cache"; readonly done: number; readonly count: number }
  | { readonly kind: "cached"; readonly example: CachedExample }

/** Caches examples side by side, in order. */
async function* cacheAll(
  pool: WorkerPool,
  dataset: TrainDataset,
  draw: { readonly seed: number; readonly vaeSlices: number | undefined },
  signal: AbortSignal | undefined,
): AsyncGenerator<CacheEvent, void, void> {
  const { count } = dataset
  if (count < 1) throw new CoreError("training: the data set is empty. Give it at least one pair of pictures.")
  const size = 4 * pool.workers.length
  for (let from = 0; from < count && signal?.aborted !== true; from += size) {
    const indices = Array.from({ length: Math.min(size, count - from) }, (_, i) => from + i)
    const cached = await pool.map(indices, async (worker, index) =>
      worker.call("cache", { example: await dataset.example(index), index, ...draw }),
    )
    for (const example of cached) yield { kind: "cached", example: sharedExample(example) }
    yield { kind: "cache", done: from + indices.length, count }
  }
}

/** Sends the parts of a step to the threads, with the values where all of them can read them. */
function gradientsBy(pool: WorkerPool, { seed, objective = {} }: TrainRunOptions): GradientSource {
  return (model, tasks) => {
    const values = shared(model.values)
    return pool.map(tasks, (worker, task) =>
      worker.call("gradient", { adapters: model.adapters, values, seed, task, objective }),
    )
  }
}

/** The controls that belong to some of the requests. */
function adaptersOfPart(
  adapters: NonNullable<WorkerGenerateOptions["adapters"]>,
  from: number,
  length: number,
  count: number,
): NonNullable<WorkerGenerateOptions["adapters"]> {
  return adapters.map((use) => {
    if (!Array.isArray(use.control) || use.control.length === 1) return use
    if (use.control.length !== count) {
      throw new CoreError(
        `generate: ${use.control.length} control images for ${count} pictures, expected 1 or ${count}`,
      )
    }
    return { ...use, control: use.control.slice(from, from + length) }
  })
}

function sharedExample(example: CachedExample): CachedExample {
  return {
    ...example,
    latents: shared(example.latents),
    context: shared(example.context),
    vector: shared(example.vector),
    control: { ...example.control, data: sharedBytes(example.control.data) },
  }
}

function shared(values: Float32Array): Float32Array {
  const copy = new Float32Array(new SharedArrayBuffer(values.byteLength))
  copy.set(values)
  return copy
}

function sharedBytes(values: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(values.byteLength))
  copy.set(values)
  return copy
}

interface Queue<T> extends AsyncIterable<T> {
  push(value: T): void
  end(): void
  fail(error: unknown): void
}

/** Values from callbacks as an async iterable. */
function createQueue<T>(): Queue<T> {
  const values: T[] = []
  let finished = false
  let failure: { readonly error: unknown } | null = null
  let wake: () => void = () => {}
  return {
    push(value) {
      values.push(value)
      wake()
    },
    end() {
      finished = true
      wake()
    },
    fail(error) {
      failure = { error }
      wake()
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const value = values.shift()
        if (value !== undefined) yield value
        else if (failure !== null) throw failure.error
        else if (finished) return
        else
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      }
    },
  }
}
