import { checkOptions, type OptionKinds } from "@lllite/core/names"
import type { JobWorker, WorkerOptions } from "./worker.ts"

const KINDS: OptionKinds<WorkerOptions> = {
  redis: "an object",
  library: "an object",
  createRunner: "a function",
  places: "a number",
  pieces: "an object or null",
  takes: "a list",
  name: "text",
  mostBytes: "a number",
  stopSeconds: "a number",
  lostSeconds: "a number",
  onEvent: "a function",
}

/**
 * Starts a worker: it takes the jobs of servers with the same `redis` until it is closed. If it is killed, another worker
 * takes its jobs. BullMQ and ioredis are loaded here, and not with the package.
 *
 * @throws ServeError `redis`, `store`
 */
export async function startWorker(options: WorkerOptions): Promise<JobWorker> {
  checkOptions("worker", options, KINDS, ["redis", "library", "createRunner", "name"])
  const { openWorker } = await import("./worker.ts")
  return openWorker(options)
}
