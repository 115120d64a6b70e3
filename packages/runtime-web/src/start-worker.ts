import type { Client, ErrorClasses, StartedBackend } from "@lllite/core/runtime"
import { CoreError, createClient, DivergedError } from "@lllite/core/runtime"
import { FormatError } from "@lllite/format"
import { WebRuntimeError } from "./errors.ts"
import type { WebTasks } from "./tasks.ts"
import type { WebBackend } from "./types.ts"

/** The part of a Worker that the runtime uses. */
export type WorkerLike = Pick<Worker, "postMessage" | "addEventListener" | "terminate">

export interface AttemptOptions {
  /** Seconds that a backend may take to start, its download included. Default: 60 */
  readonly timeLimit?: number
  /** Whether a WebGPU adapter that computes on the CPU is used, too. It is slow and meant for tests. Default: false */
  readonly software?: boolean
  /**
   * `F16`: on WebGPU, values between the layers of the U-Net are stored in float16, in half the memory. Where the browser
   * shows the card's subgroup matrices, products and attention also multiply float16. What the browser does not show, or
   * the driver computes wrongly, is float32, with a notice. Default: `F32`
   */
  readonly precision?: "F32" | "F16"
  /** Makes the worker from this package's `worker.js`, as a module. Needed if a bundler does not find that file. */
  readonly worker?: () => WorkerLike
  /** Stops the start and ends the worker. */
  readonly signal?: AbortSignal
}

/** Error classes that are kept when an error comes from the worker. */
const ERROR_CLASSES: ErrorClasses = { CoreError, DivergedError, FormatError, WebRuntimeError }

export interface StartedWorker extends StartedBackend<WebBackend> {
  readonly client: Client<WebTasks>
  /** Ends the worker. */
  close(): void
}

/**
 * Starts a worker with a backend. A worker that does not start is ended in every case. The next attempt gets a new one.
 *
 * @throws the backend's error; WebRuntimeError when it takes too long or the worker fails; the signal's reason when
 * aborted
 */
export async function startWorker(
  backend: WebBackend,
  { timeLimit = 60, software = false, precision = "F32", worker: make = makeWorker, signal }: AttemptOptions,
): Promise<StartedWorker> {
  signal?.throwIfAborted()
  const worker = make()
  const client = createClient<WebTasks>(worker, ERROR_CLASSES)
  let isEnded = false
  const end = (error: Error): void => {
    if (isEnded) return
    isEnded = true
    worker.terminate()
    client.fail(error)
  }
  worker.addEventListener("error", (event: Event) => {
    const message = "message" in event && typeof event.message === "string" ? event.message : "it could not be loaded"
    end(new WebRuntimeError("worker-failed", `the worker failed: ${message}. Reload the page.`))
  })
  const timer = setTimeout(
    () => end(new WebRuntimeError("start-timeout", `${backend} did not start within ${timeLimit} seconds.`)),
    timeLimit * 1000,
  )
  const stop = (): void => end(new WebRuntimeError("worker-failed", `the start of ${backend} was stopped.`))
  signal?.addEventListener("abort", stop)
  try {
    const started = await client.call("start", { backend, software, precision })
    return {
      ...started,
      client,
      close: () => end(new CoreError("disposed", "runtime: it was disposed. Create a new one.")),
    }
  } catch (error) {
    end(error instanceof Error ? error : new Error(String(error)))
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener("abort", stop)
    clearTimeout(timer)
  }
}

function makeWorker(): Worker {
  // Bundlers find the file only in this exact form.
  return new Worker(new URL("./worker.js", import.meta.url), { type: "module" })
}
