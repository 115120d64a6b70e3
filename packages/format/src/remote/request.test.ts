import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { TIME_LIMITS } from "./limits.ts"
import type { RequestOptions } from "./request.ts"
import { readText, request, retryAfter } from "./request.ts"

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const URL = "https://example.org/a"

/** Requests a URL whose server gives these answers in turn, the last one for ever. */
async function ask(
  answers: readonly (() => Response | Promise<Response>)[],
  options: Omit<RequestOptions, "fetch"> = {},
): Promise<{ outcome: unknown; times: number[]; inits: RequestInit[] }> {
  const times: number[] = []
  const inits: RequestInit[] = []
  const start = Date.now()
  const fetch = async (_: string, init: RequestInit): Promise<Response> => {
    inits.push(init)
    const answer = answers[Math.min(times.length, answers.length - 1)]
    times.push(Date.now() - start)
    if (answer === undefined) throw new Error("no answer is given")
    return answer()
  }
  const asked = request(URL, "a file", { ...options, fetch }, { range: "bytes=0-9" }).catch((error: unknown) => error)
  await vi.runAllTimersAsync()
  expect(vi.getTimerCount()).toBe(0)
  return { outcome: await asked, times, inits }
}

const status =
  (code: number, headers: Record<string, string> = {}, statusText = "") =>
  () =>
    new Response(null, { status: code, headers, statusText })
const fails = (error: unknown) => () => Promise.reject(error)

describe("a request", () => {
  it("asks for bytes as they are, with the caller's headers and its own", async () => {
    const headers = { authorization: "Bearer x", range: "bytes=1-2" }
    const { inits } = await ask([status(200)], { headers })
    expect(inits[0]).toMatchObject({ method: "GET", redirect: "follow" })
    expect(inits[0]?.headers).toEqual({
      ...{ "accept-encoding": "identity", authorization: "Bearer x", range: "bytes=0-9" },
    })
  })

  it("waits twice as long before each repetition", async () => {
    const { times, outcome } = await ask([status(503)], { retryDelay: 100 })
    expect(times).toEqual([0, 100, 300, 700])
    expect(outcome).toMatchObject({
      ...{ code: "source-status", source: "a file" },
      message: expect.stringMatching(/: the server answered 503 \(asked 4 times\)\. Try again later\.$/),
    })
    expect((await ask([status(503)], { retries: 1 })).times).toEqual([0, 300])
  })

  it("gives what comes after answers that a repetition may mend, and after none at all", async () => {
    const broken = fails(new TypeError("fetch failed"))
    for (const first of [...[408, 425, 429, 500, 502, 503, 504].map((code) => status(code)), broken]) {
      const { outcome, times } = await ask([first, status(206)])
      expect((outcome as Response).status).toBe(206)
      expect(times).toHaveLength(2)
    }
    expect((await ask([status(416)])).outcome).toBeInstanceOf(Response)
  })

  it("is not repeated where that mends nothing", async () => {
    const { outcome, times } = await ask([status(418, {}, "I'm a teapot")])
    expect(times).toEqual([0])
    expect(String(outcome)).toMatch(/the server answered 418 I'm a teapot\. Try again later\.$/)
    expect(String((await ask([status(404)])).outcome)).toMatch(/404\. The file does not exist\. Check the address\.$/)
  })

  it("waits as long as the server asks, up to the limit, and never less than by itself", async () => {
    const limits = { longestWait: 2000 }
    expect((await ask([status(503, { "retry-after": "2" }), status(200)], { limits })).times).toEqual([0, 2000])
    const short = await ask([status(503, { "retry-after": "1" }), status(200)], { limits, retryDelay: 1500 })
    expect(short.times).toEqual([0, 1500])
    const { outcome, times } = await ask([status(503, { "retry-after": "3" })], { limits })
    expect(times).toEqual([0])
    expect(String(outcome)).toMatch(/answered 503\. Try again after 3 s\.$/)
  })

  it("says why there is no answer", async () => {
    const reasonOf = async (error: unknown): Promise<string> =>
      String((await ask([fails(error)], { retries: 0 })).outcome)
    const cause = new Error("getaddrinfo ENOTFOUND example.org")
    expect(await reasonOf(new TypeError("fetch failed", { cause }))).toMatch(
      /no answer: getaddrinfo ENOTFOUND example\.org\. Check the address and the connection\.$/,
    )
    expect(await reasonOf(new TypeError("fetch failed", { cause: new Error("") }))).toContain(
      "no answer: fetch failed.",
    )
    expect(await reasonOf(new TypeError("fetch failed", { cause: "text" }))).toContain("no answer: fetch failed.")
    expect(await reasonOf("nothing")).toContain("no answer: nothing.")
  })

  it("frees the connection of an answer that it does not give", async () => {
    const cancel = vi.fn()
    const refusal = () => new Response(new ReadableStream({ cancel }), { status: 404 })
    await ask([refusal])
    expect(cancel).toHaveBeenCalledTimes(1)
  })

  it("ends with the signal's reason while it waits, and listens to it no longer afterwards", async () => {
    const controller = new AbortController()
    const { signal } = controller
    const removed = vi.spyOn(signal, "removeEventListener")
    await ask([status(503), status(200)], { signal })
    expect(removed).toHaveBeenCalledWith("abort", expect.any(Function))
    const fetch = vi.fn(async () => new Response(null, { status: 503 }))
    const asked = request(URL, "a file", { fetch, signal, retryDelay: 5000 }, {}).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(100)
    const reason = new Error("enough")
    controller.abort(reason)
    expect(await asked).toBe(reason)
    expect(vi.getTimerCount()).toBe(0)
    expect(fetch).toHaveBeenCalledTimes(1)
  })

  it("ends with the signal's reason while the server is silent", async () => {
    const controller = new AbortController()
    const fetch = (_: string, { signal }: RequestInit): Promise<Response> =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(new TypeError("fetch failed")))
      })
    const asked = request(URL, "a file", { fetch, signal: controller.signal }, {}).catch((error: unknown) => error)
    const reason = new Error("enough")
    controller.abort(reason)
    expect(await asked).toBe(reason)
  })
})

describe("Retry-After", () => {
  const now = Date.UTC(1999, 11, 31, 23, 59, 29)
  it.each([
    [undefined, 0],
    ["120", 120_000],
    ["0", 0],
    ["soon", 0],
    ["Fri, 31 Dec 1999 23:59:59 GMT", 30_000],
    ["31 Dec 1999 23:59:59 GMT", 30_000],
    ["1999-12-31T23:59:59+00:00", 30_000],
    ["Fri, 31 Dec 1999 23:59:00 GMT", 0],
  ])("%j asks for %i ms", (text, milliseconds) => {
    const headers = new Headers(text === undefined ? {} : { "retry-after": text })
    expect(retryAfter(new Response(null, { headers }), now)).toBe(milliseconds)
  })
})

describe("a text", () => {
  const pieces = (...bytes: readonly (readonly number[])[]): Response =>
    new Response(
      new ReadableStream({
        start(controller) {
          for (const piece of bytes) controller.enqueue(Uint8Array.from(piece))
          controller.close()
        },
      }),
    )

  it("may be cut inside of a character", async () => {
    expect(await readText(pieces([0x61, 0xce], [0xb2, 0x62]), 4, "a file", TIME_LIMITS)).toBe("aβb")
    expect(await readText(pieces([0x61, 0xce]), 4, "a file", TIME_LIMITS)).toBe("a\ufffd")
  })

  it("is null above the limit", async () => {
    expect(await readText(pieces([0x61, 0x61], [0x61, 0x61, 0x61]), 4, "a file", TIME_LIMITS)).toBeNull()
  })
})
