import { describe, expect, it } from "vitest"
import { merge } from "./merge.ts"

/** A generator whose values come when the test sends them, with a log of its requests and its end. */
function source(name: string, log: string[]) {
  const queue: ((send: () => string) => void)[] = []
  async function* walk(): AsyncGenerator<string, void, void> {
    try {
      for (let i = 0; ; i++) {
        log.push(`${name} is asked for ${i}`)
        const send = await new Promise<() => string>((resolve) => queue.push(resolve))
        const value = send()
        if (value === "done") return
        yield value
      }
    } finally {
      log.push(`${name} ends`)
    }
  }
  const answer = (send: () => string): void => queue.shift()?.(send)
  return {
    walk: walk(),
    send: (value: string) => answer(() => value),
    fail: (error: Error) => answer(() => thrown(error)),
  }
}

function thrown(error: Error): never {
  throw error
}

describe("merge", () => {
  it("yields values in the order of their arrival, until every generator has ended", async () => {
    const log: string[] = []
    const [one, two] = [source("one", log), source("two", log)]
    const merged = merge([one.walk, two.walk], () => log.push("stop"))
    const first = merged.next()
    two.send("two 0")
    expect(await first).toEqual({ done: false, value: "two 0" })
    one.send("one 0")
    expect(await merged.next()).toEqual({ done: false, value: "one 0" })
    two.send("done")
    one.send("one 1")
    expect(await merged.next()).toEqual({ done: false, value: "one 1" })
    one.send("done")
    expect(await merged.next()).toEqual({ done: true, value: undefined })
    expect(log.slice(-1)).toEqual(["stop"])
  })

  it("requests one value of every generator ahead, and no more", async () => {
    const log: string[] = []
    const [one, two] = [source("one", log), source("two", log)]
    const merged = merge([one.walk, two.walk], () => {})
    const first = merged.next()
    one.send("one 0")
    await first
    await new Promise((resolve) => setTimeout(resolve, 0))
    expect(log).toEqual(["one is asked for 0", "two is asked for 0", "one is asked for 1"])
    one.send("done")
    two.send("done")
    await merged.next()
  })

  it("stops the current work and ends all generators when its loop is left", async () => {
    const log: string[] = []
    const [one, two] = [source("one", log), source("two", log)]
    const merged = merge([one.walk, two.walk], () => {
      log.push("stop")
      one.send("late")
      two.send("late")
    })
    const first = merged.next()
    one.send("one 0")
    await first
    await merged.return()
    expect(log.filter((entry) => !entry.includes("asked"))).toEqual(["stop", "one ends", "two ends"])
  })

  it("throws the first failure, and ends the other generators", async () => {
    const log: string[] = []
    const [one, two] = [source("one", log), source("two", log)]
    const merged = merge([one.walk, two.walk], () => {
      log.push("stop")
      two.send("late")
    })
    const first = merged.next()
    one.fail(new Error("broken"))
    await expect(first).rejects.toThrow("broken")
    expect(log.filter((entry) => !entry.includes("asked"))).toEqual(["one ends", "stop", "two ends"])
  })
})
