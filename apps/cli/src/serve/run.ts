import { expectFolder, readTextFile } from "@lllite/runtime-node/files"
import type { Settings } from "@lllite/runtime-node/options"
import type { Limits, RedisPlace } from "@lllite/serve"
import { startServer } from "@lllite/serve"
import { runtimeChoice } from "../model/runtime-options.ts"
import { UsageError } from "../terminal/errors.ts"
import type { Reporter } from "../terminal/progress.ts"
import { readVersion } from "../version.ts"
import { redisPlace } from "../worker/redis-options.ts"
import { createLibrary } from "./library.ts"
import type { SERVE_OPTIONS } from "./options.ts"
import { findPage } from "./page.ts"
import { PROGRAMS } from "./programs.ts"
import { createRunner } from "./runner.ts"

type ServeSettings = Settings<typeof SERVE_OPTIONS>

/**
 * Runs the server until the signal aborts. Its log goes to stderr.
 *
 * @throws ServeError, InputError; the system's error for a port in use
 */
export async function runServe(settings: ServeSettings, reporter: Reporter, signal: AbortSignal): Promise<void> {
  const { host, port, folder, allowHost, allowOrigin, previews, modelsDir, extraModelPathsConfig, dataDir } = settings
  const library = await createLibrary({ modelsDirs: modelsDir, extraPaths: extraModelPathsConfig })
  if (dataDir !== undefined) await expectFolder(dataDir)
  const page = await findPage(settings.frontEndRoot, settings.python)
  const redis = await workersPlace(settings)
  const server = await startServer({
    ...{ host, port, folder, library, previews, page, redis },
    key: await readKey(settings.keyFile),
    allowHosts: allowHost,
    allowOrigins: allowOrigin,
    limits: limitsOf(settings),
    runner: createRunner(PROGRAMS, runtimeChoice(settings), { dataFolder: dataDir ?? null, library }),
    version: readVersion(),
    log: process.stderr,
  })
  const shown = page === null ? "" : " It shows ComfyUI's page."
  const work = redis === null ? "" : " Workers do its jobs: lllite work --redis URL."
  reporter.say(
    "listening",
    { url: server.url, folder, page },
    `Listening on ${server.url}.${shown}${work} To stop, press Ctrl-C.`,
  )
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }))
  await server.close()
}

/** Options for the process that draws, which a server with workers does not have. */
const OF_WORKERS = ["backend", "precision", "weights"] as const

/** The Redis of the workers. Null: the server does its jobs itself. @throws UsageError for options that have no effect */
async function workersPlace(settings: ServeSettings): Promise<RedisPlace | null> {
  const { redis, redisPasswordFile, redisCaFile } = settings
  if (redis === undefined) {
    if (redisPasswordFile === undefined && redisCaFile === undefined) return null
    const name = redisPasswordFile === undefined ? "redis_ca_file" : "redis_password_file"
    throw new UsageError("options", `serve: --${name} has no effect without --redis.`)
  }
  const [without] = OF_WORKERS.filter((name) => settings[name] !== undefined)
  if (without === undefined) return redisPlace(redis, settings)
  throw new UsageError(
    "options",
    `serve: --${without} has no effect with --redis, since workers draw. Give it to lllite work.`,
  )
}

function limitsOf(settings: ServeSettings): Partial<Limits> {
  return {
    queue: settings.maxQueue,
    pictures: settings.maxPictures,
    steps: settings.maxSteps,
    pixels: settings.maxPixels,
    bodyBytes: settings.maxBodyMb * 2 ** 20,
    requestSeconds: settings.maxRequestSeconds,
    jobSeconds: settings.maxJobSeconds,
    storageBytes: settings.maxStorageGb * 1e9,
    keptJobs: settings.keepJobs,
    uploadSeconds: settings.keepUploadsDays * 86_400,
  }
}

/** The key of a file, or of the environment. Not of an option: other users of the machine can read command lines. */
async function readKey(path: string | undefined): Promise<string | null> {
  const text = path === undefined ? (process.env.LLLITE_SERVE_KEY ?? "") : await readTextFile(path)
  const key = text.trim()
  return key === "" ? null : key
}
