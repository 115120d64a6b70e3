import { Worker } from "node:worker_threads"
import { CoreError } from "@lllite/core"
import type { Client, Clients, ErrorClasses, RuntimeTasks } from "@lllite/core/runtime"
import { createClient, memoryError } from "@lllite/core/runtime"
import { FormatError } from "@lllite/format"
import { InputError } from "../errors.ts"
import { programFile } from "../own-files.ts"
import { systemReason } from "../system-error.ts"
import type { NodeTypes } from "./types.ts"

/** Error classes that are kept when an error comes from a worker. */
const ERROR_CLASSES: ErrorClasses = { CoreError, FormatError, InputError }

/** Worker threads, and the clients that call their tasks. */
export interface StartedWorkers {
  readonly clients: Clients<NodeTypes>
  close(): Promise<void>
}

/** Starts worker threads without a backend. When one of them fails, all end. The caller closes them. */
export function startWorkers(count: number): StartedWorkers {
  const workers = [startWorker(), ...Array.from({ length: count - 1 }, startWorker)] as const
  const close = async (): Promise<void> => {
    await Promise.all(workers.map(({ worker }) => worker.terminate()))
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

function startWorker(): { worker: Worker; client: Client<RuntimeTasks<NodeTypes>> } {
  const worker = new Worker(programFile("worker", import.meta.url))
  const client = createClient<RuntimeTasks<NodeTypes>>(
    {
      postMessage: (message, transfer) => worker.postMessage(message, transfer as Transferable[] as never[]),
      addEventListener: (_, listener) => void worker.on("message", (data) => listener({ data })),
    },
    ERROR_CLASSES,
  )
  return { worker, client }
}
