import { CoreError } from "../errors.ts"
import type { Port, Reply, Request, TaskType } from "./messages.ts"
import type { ErrorClasses } from "./sent-error.ts"
import { unpackError } from "./sent-error.ts"

export interface OpenOptions {
  /** Stops the task, also inside of a value. */
  readonly signal?: AbortSignal | undefined
  /** Parts of the argument that move to the worker instead of being copied. */
  readonly transfer?: Transferable[]
}

/** The client's end of a channel. It opens tasks of the worker. */
export interface Client<Tasks extends Record<keyof Tasks, TaskType>> {
  /**
   * Runs a task of the worker. The task begins when the loop requests the first value. Leaving the loop ends it.
   *
   * @throws the task's error, of its class; the signal's reason when it was aborted; the argument of `fail`
   */
  open<Name extends keyof Tasks & string>(
    name: Name,
    argument: Tasks[Name]["argument"],
    options?: OpenOptions,
  ): AsyncGenerator<Tasks[Name]["yields"], Tasks[Name]["returns"], void>
  /** Runs a task to its end. */
  call<Name extends keyof Tasks & string>(
    name: Name,
    argument: Tasks[Name]["argument"],
    options?: OpenOptions & { readonly onValue?: (value: Tasks[Name]["yields"]) => void },
  ): Promise<Tasks[Name]["returns"]>
  /** Ends the client, because the worker has ended. Waiting calls and every later call fail with `error`. */
  fail(error: Error): void
}

/** Opens the client's end of a channel to a worker that runs a server. Errors regain their class from `classes`. */
export function createClient<Tasks extends Record<keyof Tasks, TaskType>>(
  port: Port,
  classes: ErrorClasses = {},
): Client<Tasks> {
  const waiting = new Map<number, { resolve(reply: Reply): void; reject(error: Error): void }>()
  let opened = 0
  let failure: Error | null = null
  port.addEventListener("message", ({ data }) => {
    const reply = data as Reply
    const asker = waiting.get(reply.id)
    waiting.delete(reply.id)
    asker?.resolve(reply)
  })
  const send = (request: Request, transfer: Transferable[] = []): void => port.postMessage(request, transfer)
  const ask = (request: Request & { readonly kind: "next" | "return" }): Promise<Reply> =>
    new Promise((resolve, reject) => {
      if (failure !== null) {
        reject(failure)
        return
      }
      waiting.set(request.id, { resolve, reject })
      send(request)
    })

  const client: Client<Tasks> = {
    async *open(name, argument, { signal, transfer } = {}) {
      signal?.throwIfAborted()
      if (failure !== null) throw failure
      const id = opened++
      const abort = (): void => send({ id, kind: "abort" })
      try {
        send({ id, kind: "open", name, argument }, transfer)
      } catch (cause) {
        throw isUncloneable(cause) ? uncloneable(name, cause) : cause
      }
      signal?.addEventListener("abort", abort)
      let isOpen = true
      try {
        for (;;) {
          const reply = await ask({ id, kind: "next" })
          isOpen = reply.kind === "value"
          if (reply.kind === "end") return reply.value as Tasks[typeof name]["returns"]
          if (reply.kind === "error") throw signal?.aborted ? signal.reason : unpackError(reply.error, classes)
          yield reply.value as Tasks[typeof name]["yields"]
        }
      } finally {
        signal?.removeEventListener("abort", abort)
        if (isOpen && failure === null) await ask({ id, kind: "return" })
      }
    },

    async call(name, argument, { onValue, ...options } = {}) {
      const task = client.open(name, argument, options)
      for (;;) {
        const next = await task.next()
        if (next.done === true) return next.value
        onValue?.(next.value)
      }
    },

    fail(error) {
      failure ??= error
      for (const { reject } of waiting.values()) reject(error)
      waiting.clear()
    },
  }
  return client
}

function isUncloneable(cause: unknown): cause is Error {
  return cause instanceof Error && cause.name === "DataCloneError"
}

/** A program without types may give a promise or a function inside of an option. */
function uncloneable(name: string, cause: Error): CoreError {
  const what = `${name}: a value cannot be sent to the worker (${cause.message.replace(/\.$/, "")})`
  return new CoreError("argument", `${what}, expected data. Await promises, and leave functions out.`, { cause })
}
