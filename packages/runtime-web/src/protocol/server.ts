import type { Port, Reply, Request, SentError, TaskType } from "./messages.ts"

/** What a task is given besides its argument. */
export interface TaskContext {
  /** Aborted when the page says so. */
  readonly signal: AbortSignal
  /**
   * Lets the messages in that have come. Where a device computes synchronously, nothing is heard from the page until a
   * task awaits this.
   */
  readonly pause: () => Promise<void>
}

/** The worker's side of all tasks, by name. */
export type TaskTable<Tasks extends Record<keyof Tasks, TaskType>> = {
  readonly [Name in keyof Tasks]: (
    argument: Tasks[Name]["argument"],
    context: TaskContext,
  ) => AsyncGenerator<Tasks[Name]["yields"], Tasks[Name]["returns"], void>
}

interface OpenTask {
  readonly steps: AsyncGenerator<unknown, unknown, void>
  readonly controller: AbortController
}

/**
 * Runs tasks for a page. One value is computed at a time, whichever task it belongs to: two that hold the device at
 * once would only be in each other's way.
 */
export function serve<Tasks extends Record<keyof Tasks, TaskType>>(port: Port, tasks: TaskTable<Tasks>): void {
  const open = new Map<number, OpenTask>()
  const pause = createPause()
  let last: Promise<void> = Promise.resolve()

  const start = (id: number, name: string, argument: unknown): void => {
    const task = Object.hasOwn(tasks, name) ? tasks[name as keyof Tasks] : undefined
    const controller = new AbortController()
    const steps =
      task === undefined
        ? refuse(name)
        : task(argument as Tasks[keyof Tasks]["argument"], { signal: controller.signal, pause })
    open.set(id, { steps, controller })
  }
  const answer = async (id: number, ask: (task: OpenTask) => Promise<IteratorResult<unknown, unknown>>) => {
    const task = open.get(id)
    if (task === undefined) return
    let reply: Reply
    try {
      const { done, value } = await ask(task)
      reply = { id, kind: done === true ? "end" : "value", value }
    } catch (error) {
      reply = { id, kind: "error", error: sent(error) }
    }
    if (reply.kind !== "value") open.delete(id)
    try {
      port.postMessage(reply)
    } catch (error) {
      // A value that cannot be sent must not leave the page waiting.
      port.postMessage({ id, kind: "error", error: sent(error) } satisfies Reply)
    }
  }
  port.addEventListener("message", ({ data }: MessageEvent<Request>) => {
    const { id, kind } = data
    if (kind === "open") start(id, data.name, data.argument)
    else if (kind === "abort") open.get(id)?.controller.abort()
    else last = last.then(() => answer(id, ({ steps }) => (kind === "next" ? steps.next() : steps.return(undefined))))
  })
}

// biome-ignore lint/correctness/useYield: a task that fails at its first step
async function* refuse(name: string): AsyncGenerator<never, never, void> {
  throw new Error(`worker: there is no task "${name}". Page and worker must be of one version.`)
}

/** A turn of the event loop. Timers would wait four milliseconds each once they are nested. */
function createPause(): () => Promise<void> {
  const { port1, port2 } = new MessageChannel()
  const waiting: (() => void)[] = []
  port2.onmessage = () => waiting.shift()?.()
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve)
      port1.postMessage(null)
    })
}

function sent(error: unknown): SentError {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error))
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined
  return { name, message, stack, code }
}
