import { FormatError } from "../errors.ts"

/** Options of requests. */
export interface RequestOptions {
  /** Headers for every request to the given server, for example `{ authorization: "Bearer …" }`. */
  readonly headers?: Readonly<Record<string, string>>
  /** The number of repetitions of a failed request. Default: 3. */
  readonly retries?: number
  /** Milliseconds before the first repetition. The time doubles before each further one. Default: 300. */
  readonly retryDelay?: number
  readonly signal?: AbortSignal
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
}

/** Statuses for which a repetition may help. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504])

/** Advice for a status. */
const ADVICE: Readonly<Record<number, string>> = {
  401: "A token is needed. Hugging Face answers this for a missing file, too.",
  403: "It may not be read by everyone. Give a token that may, and accept the model's terms on its page.",
  404: "The file does not exist. Check the address.",
}

/**
 * Requests a URL until the answer is a success: 2xx, or 416 for a range of an empty file.
 *
 * @throws FormatError `source-status`, `source-unreachable`; and the signal's reason
 */
export async function request(
  url: string,
  label: string,
  options: RequestOptions,
  headers: Readonly<Record<string, string>>,
  method = "GET",
): Promise<Response> {
  const { retries = 3, retryDelay = 300, signal, fetch = globalThis.fetch } = options
  const init: RequestInit = {
    method,
    // Ranges count the file's bytes, so the answer must not be compressed.
    headers: { "accept-encoding": "identity", ...options.headers, ...headers },
    redirect: "follow",
    ...(signal === undefined ? {} : { signal }),
  }
  for (let attempt = 0; ; attempt++) {
    const answer = await fetch(url, init).catch((cause: unknown) => {
      signal?.throwIfAborted()
      return cause
    })
    const last = attempt >= retries
    if (answer instanceof Response) {
      if (answer.ok || answer.status === 416) return answer
      await discard(answer)
      if (last || !PASSING.has(answer.status)) {
        const said = `the server answered ${answer.status} ${answer.statusText}`.trim()
        const tried = attempt > 0 ? ` (asked ${attempt + 1} times)` : ""
        throw new FormatError("source-status", `${said}${tried}. ${ADVICE[answer.status] ?? "Try again later."}`, {
          source: label,
        })
      }
    } else if (last) {
      const reason = reasonOf(answer)
      throw new FormatError("source-unreachable", `no answer: ${reason}. Check the address and the connection.`, {
        source: label,
        cause: answer,
      })
    }
    await pause(retryDelay * 2 ** attempt, signal)
  }
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
