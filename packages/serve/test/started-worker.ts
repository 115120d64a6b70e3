import type { ChildProcess } from "node:child_process"
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { WorkerEvent } from "@lllite/serve"
import { onTestFinished } from "vitest"

const program = fileURLToPath(new URL("./worker-program.mjs", import.meta.url))

/** A worker in a process of its own. */
export interface StartedWorker {
  readonly child: ChildProcess
  readonly events: readonly WorkerEvent[]
  readonly ended: Promise<void>
  /** The first event that has come or comes of a kind. */
  event(kind: WorkerEvent["kind"]): Promise<void>
}

/**
 * Starts the built worker. It is killed after the test. `turbo run build` comes first.
 *
 * @param lostSeconds after which another worker takes its job. One that stands still for so long has lost it, too, so
 * tests that count attempts need more than a busy machine takes
 */
export async function startedWorker(url: string, name: string, lostSeconds = 30): Promise<StartedWorker> {
  const child = fork(program, [url, name, String(lostSeconds)], { stdio: ["ignore", "ignore", "inherit", "ipc"] })
  const events: WorkerEvent[] = []
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  const ready = new Promise<void>((resolve) => child.once("message", () => resolve()))
  onTestFinished(async () => {
    child.kill("SIGKILL")
    await ended
  })
  await ready
  child.on("message", (event: WorkerEvent) => void events.push(event))
  const event = async (kind: WorkerEvent["kind"]): Promise<void> => {
    while (!events.some((each) => each.kind === kind)) {
      await new Promise((resolve) => child.once("message", resolve))
    }
  }
  return { child, events, ended, event }
}
