import { EventEmitter } from "node:events"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import type { WebSocket } from "ws"
import { createLink } from "./link.ts"

/** Milliseconds between two signs of life of a link. */
const PING = 5000

/** A WebSocket that sends nothing. */
class QuietSocket extends EventEmitter {
  pings = 0
  ping(): void {
    this.pings += 1
  }
  terminate(): void {
    this.emit("close")
  }
}

let clock = 0
beforeEach(() => {
  clock = 0
  // Timers alone: a process that stands still has a clock that goes on.
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] })
  vi.spyOn(performance, "now").mockImplementation(() => clock)
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** @param milliseconds that go by. `ticks`: the timers that this process finds due within them */
function pass(milliseconds: number, ticks = Math.floor(milliseconds / PING)): void {
  clock += milliseconds - ticks * PING
  for (let tick = 0; tick < ticks; tick++) {
    clock += PING
    vi.advanceTimersByTime(PING)
  }
}

function watched(): { readonly socket: QuietSocket; readonly reasons: readonly string[] } {
  const socket = new QuietSocket()
  const reasons: string[] = []
  createLink(socket as unknown as WebSocket, { message() {}, ended: (reason) => reasons.push(reason) })
  return { socket, reasons }
}

describe("a link", () => {
  it("ends when nothing comes for longer than 30 s, and asks for signs of life until then", () => {
    const { socket, reasons } = watched()
    pass(30_000)
    expect(reasons).toEqual([])
    expect(socket.pings).toBe(6)
    pass(5000)
    expect(reasons).toEqual(["nothing came for 35 s"])
  })

  it("stays while signs of life come", () => {
    const { socket, reasons } = watched()
    for (const sign of ["pong", "ping", "pong", "ping"]) {
      pass(25_000)
      socket.emit(sign)
    }
    pass(30_000)
    expect(reasons).toEqual([])
  })

  it("does not take a pause of this process for a silence of the other", () => {
    const { reasons } = watched()
    // A computer that sleeps, or a process that computes: one timer is due after ten minutes.
    pass(600_000, 1)
    expect(reasons).toEqual([])
    pass(30_000)
    expect(reasons).toEqual([])
    pass(5000)
    expect(reasons).toEqual(["nothing came for 35 s"])
  })
})
