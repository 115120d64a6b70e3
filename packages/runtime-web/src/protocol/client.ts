import type { Port, Reply, Request, SentError, TaskType } from "./messages.ts"

export interface OpenOptions {
  /** Stops the task inside of what it does. */
  readonly signal?: AbortSignal | undefined
}

/** The page's end of the channel. */
export interface Client<Tasks extends Record<keyof Tasks, TaskType>> {
  /**
   * Runs a task of the worker. It begins when the first value is asked for; leaving the loop ends it.
   *
   * @throws what the task threw, under its name; the signal's reason when it was aborted; what `fail` was given
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
  /** The worker is gone: whatever waits for it, or asks it from now on, fails with this. */
  fail(error: Error): void
}

/** Opens the page's end of a channel to a worker that `serve` runs in. */
export function createClient<Tasks extends Record<keyof Tasks, TaskType>>(port: Port): Client<Tasks> {
  const waiting = new Map<number, { resolve(reply: Reply): void; reject(error: Error): void }>()
  let opened = 0
  let failure: Error | null = null
  port.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
    const asker = waiting.get(data.id)
    waiting.delete(data.id)
    asker?.resolve(data)
  })
  const send = (request: Request): void => port.postMessage(request)
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
    async *open(name, argument, { signal } = {}) {
      signal?.throwIfAborted()
      if (failure !== null) throw failure
      const id = opened++
      const abort = (): void => send({ id, kind: "abort" })
      send({ id, kind: "open", name, argument })
      signal?.addEventListener("abort", abort)
      let isOpen = true
      try {
        for (;;) {
          const reply = await ask({ id, kind: "next" })
          isOpen = reply.kind === "value"
          if (reply.kind === "end") return reply.value as Tasks[typeof name]["returns"]
          if (reply.kind === "error") throw signal?.aborted ? signal.reason : received(reply.error)
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
      failure = error
      for (const { reject } of waiting.values()) reject(error)
      waiting.clear()
    },
  }
  return client
}

function received({ name, message, stack, code }: SentError): Error {
  const error = new Error(message)
  error.name = name
  if (stack !== undefined) error.stack = stack
  return code === undefined ? error : Object.assign(error, { code })
}
