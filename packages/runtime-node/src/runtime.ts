import { availableParallelism } from "node:os"
import { CoreError } from "@lllite/core"
import { joinedParts } from "@lllite/core/models"
import type { LoadSdxlOptions, Runtime, StartedBackend } from "@lllite/core/runtime"
import { createRuntime } from "@lllite/core/runtime"
import type { NodeBackend, Precision, WeightFormat } from "./backends/names.ts"
import type { StartOptions } from "./backends/started-backend.ts"
import { expectRoom } from "./checkpoint-room.ts"
import { openSdxl } from "./files/open-sdxl.ts"
import { prepareTensorflowEnvironment } from "./tensorflow/environment.ts"
import type { TensorflowSearch } from "./tensorflow/installation.ts"
import { findTensorflow } from "./tensorflow/installation.ts"
import { type StartedWorkers, startWorkers } from "./workers/start-workers.ts"
import type { NodeTypes } from "./workers/types.ts"

export interface NodeRuntimeOptions {
  /** Default: the best that is there and works: `tensorflow`, or else `wasm`, which runs anywhere. */
  readonly backend?: NodeBackend
  /**
   * Worker threads, each with models of its own. Default: two on `wasm`, or one on a machine of one core.
   * `tensorflow` uses every core from one thread, and takes no more.
   */
  readonly threads?: number
  /** In which products with the base model's weights are computed. Default: `float32`. See `StartOptions`. */
  readonly precision?: Precision
  /** How the base model's weights are held. Default: as the file has them. See `StartOptions`. */
  readonly weights?: WeightFormat
}

/**
 * Node as a place to run: threads and files. A checkpoint is `tiny` for the embedded one, or a path; see `SdxlPaths`. An
 * adapter is a path.
 */
export type NodeRuntime = Runtime<string, NodeBackend>

/**
 * Starts Node's runtime: threads, and in each a backend that has been seen to compute and differentiate. The caller
 * disposes it.
 *
 * @throws InputError when the backend that is asked for is not installed; Error when it does not work
 */
export async function createNodeRuntime(options: NodeRuntimeOptions = {}): Promise<NodeRuntime> {
  const { threads, weights = "file" } = options
  if (threads !== undefined && (!Number.isSafeInteger(threads) || threads < 1)) {
    throw new CoreError(`runtime: threads must be a positive integer, got ${threads}`)
  }
  const { started, clients, close } = await startBest(options)
  return createRuntime<NodeTypes, string, LoadSdxlOptions<string>>({
    started,
    clients,
    close,
    async checkpoint(checkpoint, { prediction = "epsilon", unet, vae }) {
      const paths = { checkpoint, ...(unet === undefined ? {} : { unet }), ...(vae === undefined ? {} : { vae }) }
      const { files, close } = await openSdxl(paths)
      await close()
      expectRoom(joinedParts(files), { ...started, threads: clients.length, weights })
      return { ...paths, prediction }
    },
    file: (path) => path,
  })
}

interface StartedBest extends StartedWorkers {
  readonly started: StartedBackend<NodeBackend>
}

/** The backend that is asked for, or the best that works. */
async function startBest({ backend, threads, ...rest }: NodeRuntimeOptions): Promise<StartedBest> {
  if (backend !== undefined) return startOn(backend, threads, rest)
  const { found, unusable }: TensorflowSearch = findTensorflow()
  // Several threads are asked for where a backend is wanted that takes them.
  if (threads !== undefined && threads !== 1) return startOn("wasm", threads, rest)
  const notices = unusable.map(({ source, problem }) => `TensorFlow from ${source} is not used: ${problem}`)
  if (found === null) return withNotices(await startOn("wasm", threads, rest), notices)
  try {
    return withNotices(await startOn("tensorflow", threads, rest), notices)
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    const notice = `TensorFlow from ${found.source} is there and does not work: ${problem} Computing with wasm instead.`
    return withNotices(await startOn("wasm", threads, rest), [...notices, notice])
  }
}

async function startOn(backend: NodeBackend, threads: number | undefined, options: StartOptions): Promise<StartedBest> {
  const isAlone = backend === "tensorflow" || backend === "webgpu"
  if (backend === "tensorflow") {
    // Its binding keeps the names of attributes in a table that threads may not change at once.
    if (threads !== undefined && threads !== 1) {
      throw new CoreError(`runtime: tensorflow uses every core from one thread; threads must be 1, got ${threads}`)
    }
    prepareTensorflowEnvironment()
  }
  const workers = startWorkers(threads ?? (isAlone ? 1 : Math.min(2, availableParallelism())))
  const { clients, close } = workers
  try {
    const argument = { backend, options, threads: clients.length }
    const [started] = await Promise.all(clients.map((client) => client.call("start", argument)))
    if (started === undefined) throw new CoreError("runtime: no thread is running")
    return { started, ...workers }
  } catch (error) {
    await close()
    throw error
  }
}

function withNotices(best: StartedBest, notices: readonly string[]): StartedBest {
  return { ...best, started: { ...best.started, notices: [...notices, ...best.started.notices] } }
}
