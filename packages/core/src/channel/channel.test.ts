import { FormatError } from "@lllite/format"
import { afterEach, describe, expect, it } from "vitest"
import { CoreError } from "../errors.ts"
import { createClient } from "./client.ts"
import type { Port } from "./messages.ts"
import type { Server, TaskTable } from "./server.ts"
import { createServer } from "./server.ts"

type Tasks = {
  count: { argument: number; yields: number; returns: string }
  fail: { argument: string; yields: never; returns: never }
  refuse: { argument: keyof typeof REFUSALS; yields: never; returns: never }
  work: { argument: null; yields: never; returns: never }
  unsendable: { argument: null; yields: unknown; returns: null }
}

class OwnError extends Error {
  override readonly name = "OwnError"
}

/** Errors that a worker may throw. */
const REFUSALS = {
  core: () => new CoreError("option-range", "too small"),
  format: () => new FormatError("shape", "too long", { source: "a.safetensors", tensor: "b", offset: 8 }),
  unknown: () => new OwnError("mine"),
  caused: () => new TypeError("outer", { cause: new CoreError("option-range", "inner") }),
  circular: () => {
    const error = new Error("itself")
    error.cause = error
    return error
  },
  unsendable: () => Object.assign(new CoreError("option-range", "with a function"), { detail: 7, call: () => 1 }),
  text: () => "only text",
}

const log: string[] = []
const tasks: TaskTable<Tasks> = {
  async *count(to, { signal }) {
    try {
      for (let i = 1; i <= to; i++) {
        log.push(`makes ${i}`)
        yield i
        if (signal.aborted) return "stopped"
      }
      return "all"
    } finally {
      log.push("cleans up")
    }
  },
  // biome-ignore lint/correctness/useYield: fails at its first step
  async *fail(message) {
    throw Object.assign(new RangeError(message), { code: "out-there" })
  },
  // biome-ignore lint/correctness/useYield: fails at its first step
  async *refuse(name) {
    throw REFUSALS[name]()
  },
  async *unsendable() {
    try {
      yield () => 1
      return null
    } finally {
      log.push("cleans up")
    }
  },
  // biome-ignore lint/correctness/useYield: never comes so far
  async *work(_, { signal, pause }) {
    for (let turn = 0; ; turn++) {
      log.push(`turn ${turn}`)
      await pause()
      signal.throwIfAborted()
    }
  },
}

const channels: MessageChannel[] = []
let server: Server
function connect() {
  const channel = new MessageChannel()
  channels.push(channel)
  channel.port1.start()
  channel.port2.start()
  server = createServer<Tasks>(tasks)
  server.listen(channel.port2 as Port)
  log.length = 0
  return createClient<Tasks>(channel.port1 as Port, { CoreError, FormatError })
}
afterEach(() => {
  for (const { port1, port2 } of channels.splice(0)) {
    port1.close()
    port2.close()
  }
})

describe("a task over a channel", () => {
  it("yields its values and returns its result", async () => {
    const values: number[] = []
    const result = await connect().call("count", 3, { onValue: (value) => values.push(value) })
    expect(values).toEqual([1, 2, 3])
    expect(result).toBe("all")
  })

  it("makes a value only on request, and cleans up when the loop is left", async () => {
    for await (const value of connect().open("count", 1000)) if (value === 2) break
    expect(log).toEqual(["makes 1", "makes 2", "cleans up"])
  })

  it("aborts what runs and makes no further value when the server ends", async () => {
    const client = connect()
    const working = client.call("work", null)
    const counting = client.open("count", 1000)
    while (!log.includes("turn 3")) await new Promise((resolve) => setTimeout(resolve, 1))
    const counted = counting.next()
    await server.end()
    await expect(working).rejects.toThrow(/abort/i)
    const turns = log.length
    // The client learns it from the end of the worker.
    client.fail(new Error("ended"))
    await expect(counted).rejects.toThrow("ended")
    expect(log).toHaveLength(turns)
    expect(log).not.toContain("makes 1")
  })

  it("leaves the worker free for another task between two values", async () => {
    const client = connect()
    const outer = client.open("count", 2)
    expect(await outer.next()).toEqual({ done: false, value: 1 })
    expect(await client.call("count", 1)).toBe("all")
    expect(await outer.next()).toEqual({ done: false, value: 2 })
    expect(await outer.next()).toEqual({ done: true, value: "all" })
  })

  it("sends an error with its name, message and code", async () => {
    await expect(connect().call("fail", "too far")).rejects.toMatchObject({
      name: "RangeError",
      message: "too far",
      code: "out-there",
    })
  })

  describe("sends an error", () => {
    const refused = (name: keyof typeof REFUSALS): Promise<unknown> =>
      connect()
        .call("refuse", name)
        .catch((error: unknown) => error)

    it("of its class, with its fields", async () => {
      const core = await refused("core")
      expect(core).toBeInstanceOf(CoreError)
      expect(core).toMatchObject({ name: "CoreError", code: "option-range", message: "too small" })
      const error = await refused("format")
      expect(error).toBeInstanceOf(FormatError)
      const { code, source, tensor, offset, message } = REFUSALS.format()
      expect(error).toMatchObject({ name: "FormatError", code, source, tensor, offset, message })
      expect((error as Error).stack).toContain("format")
    })

    it("as an Error with its name where the class is not known", async () => {
      const error = await refused("unknown")
      expect(error).toBeInstanceOf(Error)
      expect(error).not.toBeInstanceOf(CoreError)
      expect(String(error)).toBe("OwnError: mine")
    })

    it("with its causes, up to the limit", async () => {
      const error = await refused("caused")
      expect(error).toBeInstanceOf(TypeError)
      expect((error as Error).cause).toBeInstanceOf(CoreError)
      expect(await refused("circular")).toMatchObject({ message: "itself", cause: { message: "itself" } })
    })

    it("without what cannot be sent", async () => {
      const error = await refused("unsendable")
      expect(error).toMatchObject({ message: "with a function", code: "option-range", detail: 7 })
      expect(error).not.toHaveProperty("call")
      expect(await refused("text")).toMatchObject({ name: "Error", message: "only text" })
    })
  })

  it("aborts inside of a value, and throws the signal's reason", async () => {
    const controller = new AbortController()
    const work = connect().call("work", null, { signal: controller.signal })
    setTimeout(() => controller.abort(new Error("enough")), 5)
    await expect(work).rejects.toThrow("enough")
    const turns = log.length
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(log).toHaveLength(turns)
  })

  it("may end by itself when it is aborted, with a result", async () => {
    const controller = new AbortController()
    const counting = connect().open("count", 100, { signal: controller.signal })
    await counting.next()
    controller.abort()
    expect(await counting.next()).toEqual({ done: true, value: "stopped" })
  })

  it("does not begin with a signal that is aborted already", async () => {
    const work = connect().call("count", 3, { signal: AbortSignal.abort(new Error("too late")) })
    await expect(work).rejects.toThrow("too late")
    expect(log).toEqual([])
  })

  it("refuses an unknown task, also a name that every object has", async () => {
    const client = connect() as unknown as ReturnType<typeof createClient<Record<string, Tasks["count"]>>>
    for (const name of ["toString", "sing"]) {
      await expect(client.call(name, 1)).rejects.toThrow(`there is no task "${name}"`)
    }
  })

  it("throws when a value cannot be sent, and ends the task", async () => {
    const client = connect()
    await expect(client.call("unsendable", null)).rejects.toMatchObject({ name: "DataCloneError" })
    expect(log).toEqual(["cleans up"])
  })

  it("fails waiting and later calls after the worker has ended", async () => {
    const client = connect()
    const work = client.call("work", null)
    await new Promise((resolve) => setTimeout(resolve, 5))
    client.fail(new Error("the worker ended"))
    await expect(work).rejects.toThrow("the worker ended")
    await expect(client.call("count", 1)).rejects.toThrow("the worker ended")
  })
})
