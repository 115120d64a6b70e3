// Not by name: a Node that is too old lacks the function, and must get as far as the sentence that says so.
import os from "node:os"
import { CoreError } from "@lllite/core"
import { joinedParts } from "@lllite/core/models"
import { checkArgument, checkOptions as checkKinds, type OptionKinds, valueText } from "@lllite/core/names"
import type { LoadSdxlOptions, Runtime, StartedBackend } from "@lllite/core/runtime"
import { createRuntime, LOAD_SDXL_KINDS } from "@lllite/core/runtime"
import {
  NODE_BACKENDS,
  type NodeBackend,
  PRECISIONS,
  type Precision,
  WEIGHT_DTYPES,
  type WeightDtype,
} from "./backends/names.ts"
import type { StartOptions } from "./backends/started-backend.ts"
import { expectRoom } from "./checkpoint-room.ts"
import { InputError } from "./errors.ts"
import { openSdxl } from "./files/open-sdxl.ts"
import { nodeProblem } from "./node-version.ts"
import { prepareTensorflowEnvironment } from "./tensorflow/environment.ts"
import type { TensorflowSearch } from "./tensorflow/installation.ts"
import { findTensorflow } from "./tensorflow/installation.ts"
import { type StartedWorkers, startWorkers } from "./workers/start-workers.ts"
import type { NodeTypes } from "./workers/types.ts"

export interface NodeRuntimeOptions {
  /** Default: `tensorflow` if it is installed and works, or else `wasm`, which runs on every machine. */
  readonly backend?: NodeBackend
  /**
   * Worker threads. Each holds a copy of the models. Default: two on `wasm` and `cpu`, or one on a machine of one
   * core. On `tensorflow` it must be 1, since TensorFlow uses every core from one thread.
   */
  readonly threads?: number
  /**
   * Dtype in which products with the base model's weights are computed. Default: `F32`. See `StartOptions`.
   */
  readonly precision?: Precision
  /** How the base model's weights are held. Default: as the file has them. See `StartOptions`. */
  readonly weights?: WeightDtype
  /** Stops the start and ends the threads. */
  readonly signal?: AbortSignal
}

/**
 * The runtime of Node, with threads and files. A checkpoint is `tiny`, the embedded model, or a path. See `SdxlPaths`.
 * An adapter is a path.
 */
export type NodeRuntime = Runtime<string, NodeBackend>

/**
 * Starts Node's runtime: threads with a backend in each. Every backend has computed a known value and a known gradient
 * before it is used. The caller disposes the runtime.
 *
 * @throws CoreError that names a wrong option; InputError when the named backend is not installed; Error when it does not
 * work; the signal's reason when aborted
 */
export async function createNodeRuntime(options: NodeRuntimeOptions = {}): Promise<NodeRuntime> {
  expectNode()
  checkOptions(options)
  const { weights = "file" } = options
  const { started, clients, close } = await startBest(options)
  return createRuntime<NodeTypes, string, LoadSdxlOptions<string>>({
    started,
    clients,
    close,
    loadKinds: LOAD_SDXL_KINDS,
    async checkpoint(checkpoint, { prediction, projection, unet, vae, loras = [] }) {
      checkArgument("loadSdxl: the checkpoint", checkpoint, "text")
      const paths = {
        checkpoint,
        ...(unet === undefined ? {} : { unet }),
        ...(vae === undefined ? {} : { vae }),
        loras,
      }
      const { files, close } = await openSdxl(paths)
      await close()
      expectRoom(joinedParts(files), { ...started, threads: clients.length, weights })
      return {
        ...paths,
        ...(prediction === undefined ? {} : { prediction }),
        ...(projection === undefined ? {} : { projection }),
      }
    },
    file(path) {
      checkArgument("load: the path", path, "text")
      return path
    },
  })
}

function expectNode(): void {
  const problem = nodeProblem(process.versions.node)
  if (problem !== null) throw new InputError("node-version", `runtime: ${problem}`)
}

interface StartedBest extends StartedWorkers {
  readonly started: StartedBackend<NodeBackend>
}

const KINDS: OptionKinds<NodeRuntimeOptions> = {
  backend: "anything",
  threads: "a number",
  precision: "anything",
  weights: "anything",
  signal: "an AbortSignal",
}

/** More threads than this are a mistake. Each takes memory, and Node ends the process where that is missing. */
const MOST_THREADS = 256

/** @throws CoreError that names a wrong option. A program without types may give anything */
function checkOptions(options: NodeRuntimeOptions): void {
  checkKinds("runtime", options, KINDS)
  const { threads, backend, precision, weights } = options
  if (threads !== undefined && (!Number.isSafeInteger(threads) || threads < 1 || threads > MOST_THREADS)) {
    throw new CoreError(
      "option-range",
      `runtime: threads is ${threads}, expected a whole number from 1 to ${MOST_THREADS}.`,
    )
  }
  const named: readonly (readonly [string, unknown, readonly string[]])[] = [
    ["backend", backend, NODE_BACKENDS],
    ["precision", precision, PRECISIONS],
    ["weights", weights, WEIGHT_DTYPES],
  ]
  for (const [option, value, known] of named) {
    if (value === undefined || known.some((name) => name === value)) continue
    const shown = typeof value === "string" ? JSON.stringify(value) : valueText(value)
    throw new CoreError("option-unknown", `runtime: ${option} is ${shown}, expected one of ${known.join(", ")}.`)
  }
}

/** Starts the named backend, or the best that works. */
async function startBest({ backend, threads, ...rest }: NodeRuntimeOptions): Promise<StartedBest> {
  rest.signal?.throwIfAborted()
  if (backend !== undefined) return startOn(backend, threads, rest)
  const { found, unusable }: TensorflowSearch = findTensorflow()
  // Only wasm takes several threads among the backends that are used by default.
  if (threads !== undefined && threads !== 1) return startOn("wasm", threads, rest)
  const notices = unusable.map(({ source, problem }) => `TensorFlow from ${source} is not used: ${problem}`)
  if (found === null) return withNotices(await startOn("wasm", threads, rest), notices)
  try {
    return withNotices(await startOn("tensorflow", threads, rest), notices)
  } catch (error) {
    rest.signal?.throwIfAborted()
    const problem = error instanceof Error ? error.message : String(error)
    const notice = `TensorFlow from ${found.source} is installed and does not work: ${problem} The backend is wasm instead.`
    return withNotices(await startOn("wasm", threads, rest), [...notices, notice])
  }
}

async function startOn(
  backend: NodeBackend,
  threads: number | undefined,
  { signal, ...options }: StartOptions & Pick<NodeRuntimeOptions, "signal">,
): Promise<StartedBest> {
  const isNative = backend === "tensorflow" || backend === "webgpu"
  if (backend === "tensorflow") {
    // TensorFlow's binding keeps names of attributes in a table that two threads must not change at the same time.
    if (threads !== undefined && threads !== 1) {
      throw new CoreError(
        "option-range",
        `runtime: threads must be 1 on tensorflow, got ${threads}. One thread uses every core.`,
      )
    }
    prepareTensorflowEnvironment()
  }
  const workers = startWorkers(threads ?? (isNative ? 1 : Math.min(2, os.availableParallelism())), isNative)
  const { clients, close } = workers
  // The calls of an ended thread fail.
  const stop = (): void => void close()
  signal?.addEventListener("abort", stop)
  try {
    const argument = { backend, options, threads: clients.length }
    const [started] = await Promise.all(clients.map((client) => client.call("start", argument)))
    if (started === undefined)
      throw new CoreError("worker-ended", "runtime: no thread is running. Create a new runtime.")
    return { started, ...workers }
  } catch (error) {
    await close()
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener("abort", stop)
  }
}

function withNotices(best: StartedBest, notices: readonly string[]): StartedBest {
  return { ...best, started: { ...best.started, notices: [...notices, ...best.started.notices] } }
}
