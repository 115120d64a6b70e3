import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Job as BullJob } from "bullmq"
import { DelayedError, UnrecoverableError, WaitingError } from "bullmq"
import { errorText, ServeError } from "../errors.ts"
import { writeFailure } from "../redis/task.ts"
import type { RunningTask, TaskStop, WorkerEvent } from "../redis/worker-events.ts"
import { parkedError } from "./parked.ts"
import { PIECE_VERSION, type Piece, readPiece } from "./piece.ts"
import { FLOW } from "./piece-queue.ts"
import type { MadePiece, PieceRunner } from "./piece-runner.ts"
import type { Store } from "./store/store.ts"
import { findResult, keepResult, readContent } from "./stored.ts"

/** What performing gets of its worker. */
export interface PieceParts {
  readonly store: Store
  readonly name: string
  /** The worker's folder. */
  readonly folder: string
  readonly runner: PieceRunner
  readonly running: Map<string, RunningTask>
  readonly onEvent: (event: WorkerEvent) => void
}

type Ended = Extract<WorkerEvent, { readonly kind: "ended" }>["how"]

/** Milliseconds until a piece is tried again whose store could not be used. */
const STORE_PAUSE = 5000

/**
 * Makes a piece that was taken. Its result is in the store when it resolves. A piece whose result is there is not made.
 *
 * @throws UnrecoverableError for a piece that is parked, with its error as text; DelayedError, WaitingError for one that
 * is given back; Error for one that is to be tried again
 */
export async function performPiece(job: BullJob<unknown, unknown>, token: string, parts: PieceParts): Promise<null> {
  const { store, running, onEvent, folder, name } = parts
  const key = job.id ?? ""
  if (job.name === FLOW) return endFlow(job, parts.store)
  const piece = readPiece(job.data, key)
  if (piece === null) {
    const message = `the worker ${name} cannot read the piece. Give all machines the same version of LLLite.`
    throw new UnrecoverableError(writeFailure(errorText(new ServeError("refused", message))))
  }
  const began = performance.now()
  const attempt = job.attemptsMade + job.stalledCounter + 1
  onEvent({ kind: "taken", job: key, jobKind: piece.kind, attempt })
  const ended = (how: Ended, message: string | null = null): void =>
    onEvent({ kind: "ended", job: key, jobKind: piece.kind, how, seconds: (performance.now() - began) / 1000, message })
  const controller = new AbortController()
  let reason: TaskStop | null = null
  running.set(key, {
    stop(why) {
      reason ??= why
      controller.abort(new Error(why))
    },
  })
  const own = await mkdtemp(join(folder, "piece-"))
  try {
    // Another worker may have made it, and was killed before it could say so.
    if ((await findResult(store, key)) === null) {
      const { paths, facts } = await make(piece, own, parts, controller.signal)
      const files = await Promise.all(paths.map((path) => readFile(path)))
      await keepResult(store, key, files, facts)
    }
    ended("done")
    return null
  } catch (error) {
    const why = reason as TaskStop | null
    if (why === "stop") {
      await job.moveToWait(token)
      ended("given-back")
      throw new WaitingError()
    }
    if (error instanceof ServeError && error.code === "store") {
      // Nothing is wrong with the piece. It waits until the store can be used.
      onEvent({ kind: "fault", job: key, error })
      await job.moveToDelayed(Date.now() + STORE_PAUSE, token)
      ended("given-back")
      throw new DelayedError()
    }
    const text = errorText(error, { root: own, log: `the worker ${name}` })
    if (text.code === "unexpected") onEvent({ kind: "fault", job: key, error })
    ended("failed", text.message)
    if (why === "lost" || text.code === "worker-lost") throw new Error(writeFailure(text))
    throw new UnrecoverableError(writeFailure(text))
  } finally {
    running.delete(key)
    await rm(own, { recursive: true, force: true })
  }
}

async function make(piece: Piece, own: string, { store, runner }: PieceParts, signal: AbortSignal): Promise<MadePiece> {
  const inputs = new Map<string, string>()
  for (const sha256 of piece.contents) {
    const bytes = await readContent(store, sha256)
    if (bytes === null) {
      throw new ServeError(
        "file-unknown",
        `the file ${sha256} is not in the store ${store.shown} any more. Run the command again.`,
      )
    }
    const path = join(own, sha256)
    await writeFile(path, bytes)
    inputs.set(sha256, path)
  }
  signal.throwIfAborted()
  const folder = join(own, "made")
  await mkdir(folder)
  return runner.make({ piece, inputs, folder, signal })
}

/** Writes what became of the pieces of a flow, so that a store can be read without Redis. */
async function endFlow(job: BullJob<unknown, unknown>, store: Store): Promise<null> {
  const { version, keys } = (job.data ?? {}) as Readonly<Record<string, unknown>>
  if (version !== PIECE_VERSION || !Array.isArray(keys)) return null
  const failures = await job.getIgnoredChildrenFailures()
  const parked = Object.entries(failures).map(([name, reason]) => ({
    key: name.slice(name.lastIndexOf(":") + 1),
    ...{ error: parkedError(reason) },
  }))
  const text = `${JSON.stringify({ pieces: keys, parked }, null, 1)}\n`
  await store.write(`flows/${job.id}.json`, new TextEncoder().encode(text))
  return null
}
