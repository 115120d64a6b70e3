import { inspect } from "node:util"
import type { JobWorker, ServerOptions } from "@lllite/serve"
import { startWorker } from "@lllite/serve"
import { afterAll, beforeAll, onTestFinished } from "vitest"
import { needsAll } from "../../format/test/needs.ts"
import { startRedis, type TestRedis, withRedis } from "./redis.ts"
import { NO_MODELS, testFolder, testRunner, testServer } from "./test-server.ts"

/** A server with what runs its jobs. */
export interface Served {
  readonly url: string
  readonly folder: string
  /** Stops both. */
  readonly close: () => Promise<void>
}

/** The queues that pass the same tests: a server, and what its runner does, here or in a worker. */
export const QUEUES = [
  { queue: "in the server", options: needsAll(), open: testServer },
  { queue: "over Redis", options: withRedis, open: serverWithWorker },
] as const

let redis: TestRedis | null = null
/** One database for each folder, so that a server that starts again finds its jobs. */
const databases = new Map<string, string>()

/** Starts a Redis for the tests of a file. */
export function useRedis(): { readonly redis: () => TestRedis } {
  beforeAll(async () => {
    if (!withRedis.skip) redis = await startRedis()
  })
  afterAll(() => redis?.close())
  return {
    redis: () => {
      if (redis === null) throw new Error("there is no Redis")
      return redis
    },
  }
}

/** A server whose jobs a worker in this process takes. */
async function serverWithWorker(options: Partial<ServerOptions> = {}): Promise<Served> {
  const folder = options.folder ?? (await testFolder())
  const url = databases.get(folder) ?? redis?.url() ?? ""
  databases.set(folder, url)
  const server = await testServer({ ...options, folder, redis: { url } })
  const worker = await testWorker(url, options)
  return {
    ...server,
    async close() {
      await worker.close()
      await server.close()
    },
  }
}

/** A worker in this process. It is closed after the test. */
export async function testWorker(
  url: string,
  { runner = testRunner(), library = NO_MODELS, limits = {}, log }: Partial<ServerOptions> = {},
): Promise<JobWorker> {
  const worker = await startWorker({
    ...{ redis: { url }, library, name: "test", takes: ["pictures", "commands"] },
    ...{ createRunner: () => runner, stopSeconds: limits.stopSeconds ?? 0 },
    onEvent: (event) => {
      if (event.kind === "fault") log?.write(inspect(event.error))
    },
  })
  onTestFinished(() => worker.close())
  return worker
}
