import { once } from "node:events"
import { Worker } from "node:worker_threads"
import { CoreError, type CoreErrorCode } from "@lllite/core"
import type { Preprocessing, RgbImage } from "@lllite/core/image"
import { memoryError } from "@lllite/core/runtime"
import { programFile } from "../own-files.ts"

/** What a thread is asked. */
export interface PreprocessTask {
  readonly image: RgbImage
  readonly preprocessing: Preprocessing
}

/** What a thread answers. */
export type PreprocessAnswer = { readonly image: RgbImage } | { readonly code: CoreErrorCode; readonly message: string }

/** Threads that make control pictures. */
export interface PreprocessThreads {
  /**
   * As `preprocess` of core, in a thread. Meanwhile the program can be stopped.
   *
   * @throws CoreError as `preprocess`, and when the thread ended
   */
  run(image: RgbImage, preprocessing: Preprocessing): Promise<RgbImage>
  /** Ends the threads at once. */
  close(): Promise<void>
}

/** Starts threads that make control pictures. The caller closes them. @param count at least 1 */
export function startPreprocessing(count: number): PreprocessThreads {
  const workers = Array.from({ length: count }, () => new Worker(programFile("preprocess", import.meta.url)))
  const idle = [...workers]
  const waiting: ((worker: Worker) => void)[] = []
  let failure: CoreError | null = null
  for (const worker of workers) {
    worker.on("error", (cause) => {
      failure ??=
        memoryError(cause) ??
        new CoreError("worker-failed", `preprocess: a worker thread failed: ${cause.message}`, { cause })
    })
    // It comes after an error, too. What waits for any thread would wait for ever if all have ended.
    worker.on("exit", (code) => {
      failure ??= new CoreError("worker-ended", `preprocess: a worker thread ended with code ${code}.`)
      for (const next of waiting.splice(0)) next(worker)
    })
  }
  const take = (): Promise<Worker> => {
    const worker = idle.pop()
    return worker === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(worker)
  }
  const give = (worker: Worker): void => {
    const next = waiting.shift()
    if (next === undefined) idle.push(worker)
    else next(worker)
  }
  return {
    async run(image, preprocessing) {
      const worker = await take()
      try {
        if (failure !== null) throw failure
        const left = new AbortController()
        const answered = once(worker, "message", left)
        const exited = once(worker, "exit", left)
        worker.postMessage({ image, preprocessing } satisfies PreprocessTask)
        const [answer] = (await Promise.race([answered, exited]).finally(() => {
          for (const each of [answered, exited]) each.catch(() => {})
          left.abort()
        })) as [PreprocessAnswer | number]
        if (typeof answer !== "object") throw failure ?? new CoreError("worker-ended", "preprocess: a thread ended.")
        if ("image" in answer) return answer.image
        throw new CoreError(answer.code, answer.message)
      } finally {
        give(worker)
      }
    },
    async close() {
      failure ??= new CoreError("worker-ended", "preprocess: the threads are closed.")
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}
