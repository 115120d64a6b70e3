import { FormatError } from "../errors.ts"
import type { BodyReader, TimeLimits } from "./limits.ts"
import { createBodyReader, fetchWithin, TIME_LIMITS } from "./limits.ts"

/** Options of requests. */
export interface RequestOptions {
  /** Headers for every request to the given server, for example `{ authorization: "Bearer …" }`. */
  readonly headers?: Readonly<Record<string, string>>
  /** The number of repetitions of a failed request. Default: 3. */
  readonly retries?: number
  /** Milliseconds before the first repetition. The time doubles before each further one. Default: 300. */
  readonly retryDelay?: number
  /** Default: {@link TIME_LIMITS} */
  readonly limits?: Partial<TimeLimits>
  readonly signal?: AbortSignal
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
}

/** Statuses for which a repetition may help. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504])

/** Advice for a status. */
const ADVICE: Readonly<Record<number, string>> = {
  401: "It needs a token: give one, or download the file. Hugging Face answers this for a missing file, too.",
  403: "It may not be read by everyone. Accept the model's terms on its page. Then give a token, or download the file.",
  404: "The file does not exist. Check the address.",
}

/**
 * Requests a URL until the answer is a success: 2xx, or 416 for a range of an empty file. A server that is silent is not
 * asked again. Retry-After is followed up to a limit.
 *
 * @throws FormatError `source-status`, `source-unreachable`, `source-timeout`; and the signal's reason
 */
export async function request(
  url: string,
  label: string,
  options: RequestOptions,
  headers: Readonly<Record<string, string>>,
  method = "GET",
): Promise<Response> {
  const { retries = 3, retryDelay = 300, signal, fetch = globalThis.fetch } = options
  const limits = limitsOf(options)
  const init: RequestInit = {
    method,
    // Ranges count the file's bytes, so the answer must not be compressed.
    headers: { "accept-encoding": "identity", ...options.headers, ...headers },
    redirect: "follow",
    ...(signal === undefined ? {} : { signal }),
  }
  for (let attempt = 0; ; attempt++) {
    const answer = await fetchWithin(fetch, url, init, label, limits).catch((cause: unknown) => {
      signal?.throwIfAborted()
      if (isTimeout(cause)) throw cause
      return cause
    })
    const last = attempt >= retries
    let wait = retryDelay * 2 ** attempt
    if (answer instanceof Response) {
      if (answer.ok || answer.status === 416) return answer
      await discard(answer)
      const asked = retryAfter(answer)
      if (last || !PASSING.has(answer.status) || asked > limits.longestWait) {
        const said = `the server answered ${answer.status} ${answer.statusText}`.trim()
        const tried = attempt > 0 ? ` (asked ${attempt + 1} times)` : ""
        const later = asked > 0 ? `Try again after ${Math.ceil(asked / 1000)} s.` : "Try again later."
        throw new FormatError("source-status", `${said}${tried}. ${ADVICE[answer.status] ?? later}`, { source: label })
      }
      wait = Math.max(wait, asked)
    } else if (last) {
      const reason = reasonOf(answer)
      throw new FormatError("source-unreachable", `no answer: ${reason}. Check the address and the connection.`, {
        source: label,
        cause: answer,
      })
    }
    await pause(wait, signal)
  }
}

/** Milliseconds that the server asks to wait: seconds, or a date. 0 if it asks for nothing. Source: RFC 9110, 10.2.3. */
export function retryAfter({ headers }: Response, now: number = Date.now()): number {
  const text = headers.get("retry-after") ?? ""
  const wait = /^\d+$/.test(text) ? 1000 * Number(text) : Date.parse(text) - now
  return Number.isFinite(wait) ? Math.max(0, wait) : 0
}

export function limitsOf({ limits }: RequestOptions): TimeLimits {
  return { ...TIME_LIMITS, ...limits }
}

export function isTimeout(error: unknown): error is FormatError {
  return error instanceof FormatError && error.code === "source-timeout"
}

/** A whole body as text. @returns null if it is longer than `most` bytes */
export async function readText(
  answer: Response,
  most: number,
  label: string,
  limits: TimeLimits,
): Promise<string | null> {
  const reader: BodyReader = createBodyReader(answer.body, label, limits)
  const decoder = new TextDecoder()
  let text = ""
  let received = 0
  for (let piece = await reader.read(); piece !== null; piece = await reader.read()) {
    received += piece.byteLength
    if (received > most) {
      await reader.cancel()
      return null
    }
    text += decoder.decode(piece, { stream: true })
  }
  return text + decoder.decode()
}

/** Cancels an unread body, so that its connection is free. */
export async function discard(answer: Response): Promise<void> {
  await answer.body?.cancel().catch(() => {})
}

/** fetch says "fetch failed", and why in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && error.cause.message !== "" ? error.cause.message : error.message
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop)
      resolve()
    }, milliseconds)
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    signal?.addEventListener("abort", stop, { once: true })
  })
}
