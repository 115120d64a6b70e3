import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { createBodyReader, fetchWithin } from "./limits.ts"

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const limits = { silence: 1000, leastRate: 100, longestWait: 0 }

/** A body whose pieces come so many milliseconds after they are asked for. */
function slowBody(pieces: readonly (readonly [milliseconds: number, bytes: number])[], onCancel = vi.fn()) {
  const left = [...pieces]
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    const [milliseconds, bytes] = left.shift() ?? [0, 0]
    await new Promise((resolve) => setTimeout(resolve, milliseconds))
    if (bytes === 0) controller.close()
    else controller.enqueue(new Uint8Array(bytes))
  }
  const body = new ReadableStream<Uint8Array>({ pull, cancel: onCancel }, { highWaterMark: 0 })
  return { reader: createBodyReader(body, "a file", limits), onCancel }
}

/** What work gives or throws, while the clock runs as fast as it can. */
async function outcome<T>(work: Promise<T>): Promise<T | unknown> {
  const settled = work.catch((error: unknown) => error)
  await vi.runAllTimersAsync()
  return settled
}

describe("a body reader", () => {
  it("gives the pieces, and then null", async () => {
    const { reader } = slowBody([[10, 3]])
    expect(await outcome(reader.read())).toEqual(new Uint8Array(3))
    expect(await outcome(reader.read())).toBeNull()
    expect(vi.getTimerCount()).toBe(0)
  })

  it("gives null for an answer without a body", async () => {
    const reader = createBodyReader(null, "a file")
    expect(await reader.read()).toBeNull()
    await expect(reader.cancel()).resolves.toBeUndefined()
  })

  it("frees the connection, also one that cannot be freed", async () => {
    const { reader, onCancel } = slowBody([])
    await reader.cancel()
    expect(onCancel).toHaveBeenCalledTimes(1)
    const broken = vi.fn(() => Promise.reject(new Error("no")))
    await expect(slowBody([], broken).reader.cancel()).resolves.toBeUndefined()
    expect(broken).toHaveBeenCalledTimes(1)
  })

  it("says after how many bytes a connection broke, and where", async () => {
    const broken = (error: Error, offset?: number) => {
      const pieces: (() => Uint8Array)[] = [() => new Uint8Array(3)]
      const pull = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
        const next = pieces.shift()
        if (next === undefined) controller.error(error)
        else controller.enqueue(next())
      }
      return createBodyReader(new ReadableStream({ pull }, { highWaterMark: 0 }), "a file", limits, offset)
    }
    const cause = new TypeError("terminated")
    for (const offset of [undefined, 70]) {
      const reader = broken(cause, offset)
      await reader.read()
      const error = await outcome(reader.read())
      expect(error).toMatchObject({ code: "source-short-read", source: "a file", offset, cause })
      expect(String(error)).toMatch(/the connection broke after 3 bytes\. Try again\.$/)
    }
    const own = new Error("aborted by the caller")
    const reader = broken(own)
    await reader.read()
    expect(await outcome(reader.read())).toBe(own)
  })

  it("ends a silence after its limit, and frees the connection", async () => {
    const { reader, onCancel } = slowBody([[1500, 1]])
    const error = await outcome(reader.read())
    expect(error).toMatchObject({ code: "source-timeout", source: "a file" })
    expect(String(error)).toMatch(/the server sent nothing for 1 s\. Try again later, or download the file\.$/)
    expect(onCancel).toHaveBeenCalledTimes(1)
  })

  it("ends an answer below the least rate, which counts after the first silence", async () => {
    const { reader, onCancel } = slowBody([
      [500, 1],
      [500, 1],
      [240, 1],
    ])
    expect(await outcome(reader.read())).toHaveLength(1)
    // A whole silence has passed, and no more.
    expect(await outcome(reader.read())).toHaveLength(1)
    const error = await outcome(reader.read())
    expect(error).toMatchObject({ code: "source-timeout" })
    expect(String(error)).toContain("sends too slowly: 3 bytes in 1.2 s, expected 100 bytes a second or more")
    expect(onCancel).toHaveBeenCalledTimes(1)
  })

  it("takes an answer of just the least rate", async () => {
    const { reader } = slowBody([
      [900, 90],
      [900, 90],
    ])
    await outcome(reader.read())
    expect(await outcome(reader.read())).toHaveLength(90)
  })
})

describe("fetching within limits", () => {
  it("ends the request after a silence", async () => {
    const signals: (AbortSignal | null | undefined)[] = []
    const silent = (_: string, { signal }: RequestInit): Promise<Response> => {
      signals.push(signal)
      return new Promise(() => {})
    }
    const error = await outcome(fetchWithin(silent, "https://example.org", {}, "a file", limits))
    expect(error).toMatchObject({ code: "source-timeout" })
    expect(signals[0]?.aborted).toBe(true)
  })

  it("passes the caller's signal on", async () => {
    const controller = new AbortController()
    const waiting = (_: string, { signal }: RequestInit): Promise<Response> =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason))
      })
    const { signal } = controller
    const answer = outcome(fetchWithin(waiting, "https://example.org", { signal }, "a file", limits))
    const reason = new Error("enough")
    controller.abort(reason)
    expect(await answer).toBe(reason)
  })

  it("leaves no clock running", async () => {
    const answer = new Response("x")
    expect(await fetchWithin(async () => answer, "https://example.org", {}, "a file", limits)).toBe(answer)
    expect(vi.getTimerCount()).toBe(0)
  })
})
