import { afterEach, describe, expect, it, vi } from "vitest"
import { PageError } from "../language/sentence.ts"
import { whileHeld } from "./saved-runs.ts"

describe("work on a kept run", () => {
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  const withLocks = (request: (...asked: readonly unknown[]) => Promise<unknown>): void => {
    vi.stubGlobal("navigator", { locks: { request } })
  }

  it("is done once where the browser denies locks, or has none", async () => {
    withLocks(() => Promise.reject(new DOMException("denied", "SecurityError")))
    const work = vi.fn(async () => {})
    await whileHeld("a", work)
    expect(work).toHaveBeenCalledTimes(1)
    vi.stubGlobal("navigator", {})
    await whileHeld("a", work)
    expect(work).toHaveBeenCalledTimes(2)
  })

  it("is not done beside another tab, and is not done again after it has failed", async () => {
    const work = vi.fn(async () => {
      throw new Error("diverged")
    })
    withLocks((_name, _options, held) => (held as (lock: null) => Promise<unknown>)(null))
    await expect(whileHeld("a", work)).rejects.toThrow(PageError)
    expect(work).toHaveBeenCalledTimes(0)
    withLocks((_name, _options, held) => (held as (lock: object) => Promise<unknown>)({}))
    await expect(whileHeld("a", work)).rejects.toThrow("diverged")
    expect(work).toHaveBeenCalledTimes(1)
  })
})
