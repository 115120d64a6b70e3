import { Worker } from "node:worker_threads"
import { CoreError } from "@lllite/core"
import type { Client, Clients, ErrorClasses, RuntimeTasks } from "@lllite/core/runtime"
import { createClient, DivergedError, memoryError } from "@lllite/core/runtime"
import { FormatError } from "@lllite/format"
import { InputError } from "../errors.ts"
import { programFile } from "../own-files.ts"
import { systemReason } from "../system-error.ts"
import type { NodeTypes } from "./types.ts"
import { END } from "./types.ts"

/** Error classes that are kept when an error comes from a worker. */
const ERROR_CLASSES: ErrorClasses = { CoreError, DivergedError, FormatError, InputError }

/** Worker threads, and the clients that call their tasks. */
export interface StartedWorkers {
  readonly clients: Clients<NodeTypes>
  close(): Promise<void>
}

/**
 * Starts worker threads without a backend. When one of them fails, all end. The caller closes them.
 *
 * @param isNative whether the threads run a native library. A thread that is ended inside of one can end the process, so
 * `close` then waits for the end of the current step. Other threads are ended at once
 */
export function startWorkers(count: number, isNative: boolean): StartedWorkers {
  const workers = [startWorker(), ...Array.from({ length: count - 1 }, startWorker)] as const
  const close = async (): Promise<void> => {
    await Promise.all(workers.map(({ worker, ended }) => (isNative ? endAfterStep(worker, ended) : worker.terminate())))
  }
  const fail = (error: Error): void => {
    for (const { client } of workers) client.fail(error)
    void close()
  }
  for (const { worker } of workers) {
    worker.on("error", (cause) =>
      fail(
        memoryError(cause) ??
          new CoreError("worker-failed", `runtime: a worker thread failed: ${systemReason(cause) ?? cause.message}`, {
            cause,
          }),
      ),
    )
    // After a failure this changes nothing. The first error stays.
    worker.on("exit", (code) =>
      fail(new CoreError("worker-ended", `runtime: a worker thread ended with code ${code}. Create a new runtime.`)),
    )
  }
  const [first, ...more] = workers
  return { clients: [first.client, ...more.map(({ client }) => client)], close }
}

async function endAfterStep(worker: Worker, ended: Promise<unknown>): Promise<void> {
  worker.postMessage(END)
  await ended
}

interface StartedWorker {
  readonly worker: Worker
  readonly client: Client<RuntimeTasks<NodeTypes>>
  /** Resolves when the thread has ended. */
  readonly ended: Promise<unknown>
}

function startWorker(): StartedWorker {
  const worker = new Worker(programFile("worker", import.meta.url))
  const client = createClient<RuntimeTasks<NodeTypes>>(
    {
      postMessage: (message, transfer) => worker.postMessage(message, transfer as Transferable[] as never[]),
      addEventListener: (_, listener) => void worker.on("message", (data) => listener({ data })),
    },
    ERROR_CLASSES,
  )
  return { worker, client, ended: new Promise((resolve) => worker.once("exit", resolve)) }
}
