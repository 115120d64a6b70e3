import { memoryError } from "../runtime/memory-error.ts"
import type { Port, Reply, Request, TaskType } from "./messages.ts"
import { packError } from "./sent-error.ts"

/** A task's context besides its argument. */
export interface TaskContext {
  /** Aborted by a message of the client. */
  readonly signal: AbortSignal
  /**
   * Reads the waiting messages. Where a device computes synchronously, the worker reads no message until a task awaits
   * this.
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

/** A worker's tasks, for any number of ports. */
export interface Server {
  /** Answers a port from now on. */
  listen(port: Port): void
  /** Aborts all tasks and begins no further value. Resolves when nothing is computed any more. */
  end(): Promise<void>
}

interface OpenTask {
  readonly steps: AsyncGenerator<unknown, unknown, void>
  readonly controller: AbortController
}

export interface ServerOptions {
  /** See {@link TaskContext}. Default: a turn of the event loop by a message */
  readonly pause?: () => Promise<void>
  /** Computes values of several tasks at a time, for tasks that wait for others. Default: false */
  readonly isConcurrent?: boolean
}

/**
 * Runs tasks. The server computes one value at a time, of all tasks and ports, unless it `isConcurrent`. Two tasks that
 * use the device at once would slow each other down.
 */
export function createServer<Tasks extends Record<keyof Tasks, TaskType>>(
  tasks: TaskTable<Tasks>,
  { pause = createPause(), isConcurrent = false }: ServerOptions = {},
): Server {
  let last: Promise<void> = Promise.resolve()
  let isEnding = false
  const ports: ReadonlyMap<number, OpenTask>[] = []

  const start = (name: string, argument: unknown): OpenTask => {
    const task = Object.hasOwn(tasks, name) ? tasks[name as keyof Tasks] : undefined
    const controller = new AbortController()
    const steps =
      task === undefined
        ? refuse(name)
        : task(argument as Tasks[keyof Tasks]["argument"], { signal: controller.signal, pause })
    return { steps, controller }
  }

  return {
    listen(port) {
      const open = new Map<number, OpenTask>()
      ports.push(open)
      const answer = async (id: number, ask: (task: OpenTask) => Promise<IteratorResult<unknown, unknown>>) => {
        const task = open.get(id)
        if (task === undefined || isEnding) return
        let reply: Reply
        try {
          const { done, value } = await ask(task)
          reply = { id, kind: done === true ? "end" : "value", value }
        } catch (error) {
          reply = { id, kind: "error", error: packError(memoryError(error) ?? error) }
        }
        if (reply.kind !== "value") open.delete(id)
        try {
          port.postMessage(reply)
        } catch (error) {
          // If a value cannot be sent, the client must not wait for ever, and the task must not stay open.
          port.postMessage({ id, kind: "error", error: packError(error) } satisfies Reply)
          open.delete(id)
          await task.steps.return(undefined).catch(() => {})
        }
      }
      port.addEventListener("message", ({ data }) => {
        const request = data as Request
        const { id, kind } = request
        if (kind === "open") open.set(id, start(request.name, request.argument))
        else if (kind === "abort") open.get(id)?.controller.abort()
        else {
          const ask = (): Promise<void> =>
            answer(id, ({ steps }) => (kind === "next" ? steps.next() : steps.return(undefined)))
          last = isConcurrent ? Promise.all([last, ask()]).then(() => {}) : last.then(ask)
        }
      })
    },

    async end() {
      isEnding = true
      for (const open of ports) for (const { controller } of open.values()) controller.abort()
      await last
    },
  }
}

// biome-ignore lint/correctness/useYield: a task that fails at its first step
async function* refuse(name: string): AsyncGenerator<never, never, void> {
  throw new Error(`worker: there is no task "${name}". Both ends of the channel must be of one version.`)
}

/** A turn of the event loop. Nested timers would wait four milliseconds each. */
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
