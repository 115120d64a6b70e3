import type { Client, ErrorClasses, StartedBackend } from "@lllite/core/runtime"
import { CoreError, createClient } from "@lllite/core/runtime"
import { FormatError } from "@lllite/format"
import { WebRuntimeError } from "./errors.ts"
import type { WebTasks } from "./tasks.ts"
import type { WebBackend } from "./types.ts"

/** The part of a Worker that is used. */
export type WorkerLike = Pick<Worker, "postMessage" | "addEventListener" | "terminate">

export interface AttemptOptions {
  /** Seconds that a backend has to start, its download included; 60 unless given. */
  readonly timeLimit?: number
  /** Take a WebGPU adapter that computes on the CPU, too: slow, and there for tests. No unless given. */
  readonly software?: boolean
  /** Makes the worker, where a bundler does not find it: from this package's `worker.js`, as a module. */
  readonly worker?: () => WorkerLike
}

/** Classes that errors of the worker have on the page, too. */
const ERROR_CLASSES: ErrorClasses = { CoreError, FormatError, WebRuntimeError }

export interface StartedWorker extends StartedBackend<WebBackend> {
  readonly client: Client<WebTasks>
  /** Ends the worker. */
  close(): void
}

/**
 * Starts a worker with a backend. Whatever goes wrong, a worker that did not start is ended: the next attempt gets a
 * new one.
 *
 * @throws what the backend says; WebRuntimeError when it takes too long or the worker breaks
 */
export async function startWorker(
  backend: WebBackend,
  { timeLimit = 60, software = false, worker: make = makeWorker }: AttemptOptions,
): Promise<StartedWorker> {
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
    end(new WebRuntimeError(`the worker broke: ${message}. Reload the page.`))
  })
  const timer = setTimeout(
    () => end(new WebRuntimeError(`${backend} did not start within ${timeLimit} seconds.`)),
    timeLimit * 1000,
  )
  try {
    const started = await client.call("start", { backend, software })
    return { ...started, client, close: () => end(new CoreError("runtime: it was disposed. Create a new one.")) }
  } catch (error) {
    end(error instanceof Error ? error : new Error(String(error)))
    throw error
  } finally {
    clearTimeout(timer)
  }
}

function makeWorker(): Worker {
  // Written out in one piece, so that bundlers find the file.
  return new Worker(new URL("./worker.js", import.meta.url), { type: "module" })
}
