import { EventEmitter } from "node:events"
import { describe, expect, it } from "vitest"
import { InterruptedError } from "./errors.ts"
import { watchInterrupt } from "./interrupt.ts"
import { untilStopped } from "./until-stopped.ts"

const watch = () => {
  const source = new EventEmitter()
  const ends: (readonly [name: string, code: number])[] = []
  let time = 0
  const interrupt = watchInterrupt({ source, end: (name, code) => void ends.push([name, code]), now: () => time })
  const send = (name: string, after: number): void => {
    time += after
    source.emit(name)
  }
  return { interrupt, ends, send, source }
}

describe("watchInterrupt", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ])("aborts at the first %s, and gives its exit code", (name, code) => {
    const { interrupt, send, ends } = watch()
    expect([interrupt.exitCode(), interrupt.signal.aborted]).toEqual([null, false])
    send(name, 0)
    expect(interrupt.exitCode()).toBe(code)
    expect(interrupt.signal.reason).toBeInstanceOf(InterruptedError)
    expect(ends).toEqual([])
  })

  it("ends at once at the second Ctrl-C, and not at the copy that npm passes on", () => {
    const { send, ends } = watch()
    send("SIGINT", 0)
    send("SIGINT", 50)
    expect(ends).toEqual([])
    send("SIGINT", 1000)
    expect(ends).toEqual([["SIGINT", 130]])
  })

  it("keeps saving when a terminal that closes sends several SIGHUP", () => {
    const { send, ends, interrupt } = watch()
    send("SIGHUP", 0)
    send("SIGHUP", 1000)
    expect(ends).toEqual([])
    expect(interrupt.exitCode()).toBe(129)
    send("SIGTERM", 1000)
    expect(ends).toEqual([["SIGTERM", 143]])
  })

  it("leaves signals alone after its end", () => {
    const { interrupt, source } = watch()
    interrupt.stop()
    expect(source.eventNames()).toEqual([])
  })
})

describe("untilStopped", () => {
  it("gives the result or the error of the work", async () => {
    const { signal } = new AbortController()
    expect(await untilStopped(Promise.resolve(7), signal)).toBe(7)
    await expect(untilStopped(Promise.reject(new Error("broken")), signal)).rejects.toThrow("broken")
  })

  it("rejects at an abort, though the work never ends or fails later", async () => {
    const controller = new AbortController()
    let reject = (_: Error): void => {}
    const promise = new Promise<void>((_, refuse) => {
      reject = refuse
    })
    const never = untilStopped(new Promise(() => {}), controller.signal, "stopped early")
    const later = untilStopped(promise, controller.signal)
    controller.abort()
    reject(new Error("too late"))
    await expect(never).rejects.toThrow("stopped early")
    await expect(later).rejects.toBeInstanceOf(InterruptedError)
    await expect(untilStopped(new Promise(() => {}), controller.signal)).rejects.toBeInstanceOf(InterruptedError)
  })

  it("hears an abort that waits while the end of the work keeps the thread busy", async () => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 0)
    const busy = async (): Promise<number> => {
      const start = performance.now()
      while (performance.now() - start < 20) {}
      return 7
    }
    await expect(untilStopped(busy(), controller.signal)).rejects.toBeInstanceOf(InterruptedError)
  })
})
