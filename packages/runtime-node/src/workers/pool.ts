import { Worker } from "node:worker_threads"
import type { CallMessage, CallName, ReplyMessage, WorkerCalls } from "./protocol.ts"
import { ABORT } from "./protocol.ts"

/** A worker thread that can be asked to do things. */
export interface WorkerHandle {
  /** @throws what the worker threw, with its name and message; Error if the worker died */
  call<N extends CallName>(
    name: N,
    argument: WorkerCalls[N]["argument"],
    progress?: (step: number, steps: number) => void,
  ): Promise<WorkerCalls[N]["result"]>
}

/** Worker threads, each with a model of its own. */
export interface WorkerPool {
  readonly workers: readonly WorkerHandle[]
  /** Runs tasks on whichever worker is free; results in the tasks' order. */
  map<T, R>(tasks: readonly T[], run: (worker: WorkerHandle, task: T, index: number) => Promise<R>): Promise<R[]>
  /** Stops what is running: its calls fail. */
  abort(): void
  close(): Promise<void>
}

/** Starts worker threads. The caller closes the pool. */
export function createPool(count: number): WorkerPool {
  const threads = Array.from({ length: count }, startWorker)
  return {
    workers: threads.map(({ handle }) => handle),

    async map(tasks, run) {
      const results = new Array(tasks.length)
      let next = 0
      await Promise.all(
        threads.map(async ({ handle }) => {
          while (next < tasks.length) {
            const index = next++
            results[index] = await run(handle, tasks[index] as (typeof tasks)[number], index)
          }
        }),
      )
      return results
    },

    abort() {
      for (const { worker } of threads) worker.postMessage(ABORT)
    },

    async close() {
      await Promise.all(threads.map(({ worker }) => worker.terminate()))
    },
  }
}

interface Waiting {
  readonly resolve: (result: never) => void
  readonly reject: (error: unknown) => void
  readonly progress: ((step: number, steps: number) => void) | undefined
}

function startWorker(): { worker: Worker; handle: WorkerHandle } {
  // Beside this file, as a source or built.
  const file = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js"
  const worker = new Worker(new URL(file, import.meta.url))
  const waiting = new Map<number, Waiting>()
  let calls = 0
  const fail = (error: unknown): void => {
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }
  worker.on("message", (reply: ReplyMessage) => {
    const call = waiting.get(reply.id)
    if (reply.kind === "progress") {
      call?.progress?.(reply.step, reply.steps)
      return
    }
    waiting.delete(reply.id)
    if (reply.kind === "result") call?.resolve(reply.result as never)
    else call?.reject(named(reply.error, reply.name))
  })
  worker.on("error", fail)
  worker.on("exit", (code) => fail(new Error(`a worker thread ended with code ${code} while it was needed`)))
  const handle: WorkerHandle = {
    call: (name, argument, progress) =>
      new Promise((resolve, reject) => {
        const id = calls++
        waiting.set(id, { resolve, reject, progress })
        worker.postMessage({ id, name, argument } satisfies CallMessage)
      }),
  }
  return { worker, handle }
}

/** An error's class does not survive the way between threads; its name does. */
function named(error: unknown, name: string): unknown {
  if (error instanceof Error) error.name = name
  return error
}
