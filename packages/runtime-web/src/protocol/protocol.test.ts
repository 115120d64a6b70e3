import { afterEach, describe, expect, it } from "vitest"
import { createClient } from "./client.ts"
import type { Port } from "./messages.ts"
import type { TaskTable } from "./server.ts"
import { serve } from "./server.ts"

type Tasks = {
  count: { argument: number; yields: number; returns: string }
  fail: { argument: string; yields: never; returns: never }
  work: { argument: null; yields: never; returns: never }
  unsendable: { argument: null; yields: unknown; returns: null }
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
  async *unsendable() {
    yield () => 1
    return null
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
function connect() {
  const channel = new MessageChannel()
  channels.push(channel)
  channel.port1.start()
  channel.port2.start()
  serve<Tasks>(channel.port2 as Port, tasks)
  log.length = 0
  return createClient<Tasks>(channel.port1 as Port)
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

  it("makes no value that was not asked for, and cleans up when the loop is left", async () => {
    for await (const value of connect().open("count", 1000)) if (value === 2) break
    expect(log).toEqual(["makes 1", "makes 2", "cleans up"])
  })

  it("leaves the worker free for another task between two values", async () => {
    const client = connect()
    const outer = client.open("count", 2)
    expect(await outer.next()).toEqual({ done: false, value: 1 })
    expect(await client.call("count", 1)).toBe("all")
    expect(await outer.next()).toEqual({ done: false, value: 2 })
    expect(await outer.next()).toEqual({ done: true, value: "all" })
  })

  it("brings an error over with its name, message and code", async () => {
    await expect(connect().call("fail", "too far")).rejects.toMatchObject({
      name: "RangeError",
      message: "too far",
      code: "out-there",
    })
  })

  it("hears an abort inside of a value, and throws the signal's reason", async () => {
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

  it("refuses a task it does not know, also one that every object has", async () => {
    const client = connect() as unknown as ReturnType<typeof createClient<Record<string, Tasks["count"]>>>
    for (const name of ["toString", "sing"]) {
      await expect(client.call(name, 1)).rejects.toThrow(`there is no task "${name}"`)
    }
  })

  it("says so when a value cannot be sent", async () => {
    await expect(connect().call("unsendable", null)).rejects.toMatchObject({ name: "DataCloneError" })
  })

  it("fails for whoever waits, and from then on, when the worker is gone", async () => {
    const client = connect()
    const work = client.call("work", null)
    await new Promise((resolve) => setTimeout(resolve, 5))
    client.fail(new Error("the worker ended"))
    await expect(work).rejects.toThrow("the worker ended")
    await expect(client.call("count", 1)).rejects.toThrow("the worker ended")
  })
})
