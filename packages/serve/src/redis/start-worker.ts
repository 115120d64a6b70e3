import type { JobWorker, WorkerOptions } from "./worker.ts"

/**
 * Starts a worker: it takes the jobs of servers with the same `redis` until it is closed. If it is killed, another worker
 * takes its jobs. BullMQ and ioredis are loaded here, and not with the package.
 *
 * @throws ServeError `redis`, `store`
 */
export async function startWorker(options: WorkerOptions): Promise<JobWorker> {
  const { openWorker } = await import("./worker.ts")
  return openWorker(options)
}
