import { FormatError } from "../errors.ts"

/** Limits of what is waited for from a server. */
export interface TimeLimits {
  /** Milliseconds without an answer, or without a further byte of it. Default: 30,000 */
  readonly silence: number
  /**
   * The least bytes a second, as the mean over what was waited for an answer's body. It counts after the first `silence`.
   * Default: 4096
   */
  readonly leastRate: number
  /** The longest wait in milliseconds that a server may ask for with Retry-After. Default: 60,000 */
  readonly longestWait: number
}

export const TIME_LIMITS: TimeLimits = { silence: 30_000, leastRate: 4096, longestWait: 60_000 }

/** The bytes of an answer, piece by piece. */
export interface BodyReader {
  /** The next piece. Null at the end. @throws FormatError `source-timeout`, `source-short-read`; the signal's reason */
  read(): Promise<Uint8Array | null>
  /** Frees the connection. */
  cancel(): Promise<void>
}

/**
 * Reads a body within limits of time.
 *
 * @param label the source's name in messages
 * @param offset where the body begins in the source, for errors
 */
export function createBodyReader(
  body: ReadableStream<Uint8Array> | null,
  label: string,
  { silence, leastRate }: TimeLimits = TIME_LIMITS,
  offset?: number,
): BodyReader {
  const reader = body?.getReader()
  const cancel = async (): Promise<void> => reader?.cancel().catch(() => {})
  let waited = 0
  let received = 0
  return {
    cancel,
    async read() {
      if (reader === undefined) return null
      const start = performance.now()
      const next = await within(reader.read(), silence, label).catch((error: unknown) => {
        void cancel()
        // fetch says this of every connection that breaks.
        if (!(error instanceof TypeError)) throw error
        const what = `the connection broke after ${received} bytes. Try again.`
        throw new FormatError("source-short-read", what, {
          ...{ source: label, cause: error },
          ...(offset === undefined ? {} : { offset }),
        })
      })
      if (next.done) return null
      waited += performance.now() - start
      received += next.value.byteLength
      if (waited > silence && (1000 * received) / waited < leastRate) {
        void cancel()
        const came = `${received} bytes in ${seconds(waited)}`
        throw timeout(`the server sends too slowly: ${came}, expected ${leastRate} bytes a second or more`, label)
      }
      return next.value
    },
  }
}

/**
 * Fetches within a limit of time.
 *
 * @returns the answer with its headers. Its body has not come yet: see {@link createBodyReader}
 * @throws FormatError `source-timeout`; what `fetch` throws; the signal's reason
 */
export async function fetchWithin(
  fetch: (url: string, init: RequestInit) => Promise<Response>,
  url: string,
  init: RequestInit,
  label: string,
  { silence }: TimeLimits = TIME_LIMITS,
): Promise<Response> {
  const controller = new AbortController()
  const { signal } = init
  const signals = signal == null ? controller.signal : AbortSignal.any([signal, controller.signal])
  const answer = fetch(url, { ...init, signal: signals })
  return within(answer, silence, label).catch((error: unknown) => {
    controller.abort(error)
    throw error
  })
}

async function within<T>(work: Promise<T>, milliseconds: number, label: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    const what = `the server sent nothing for ${seconds(milliseconds)}`
    timer = setTimeout(() => reject(timeout(what, label)), milliseconds)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

function timeout(what: string, label: string): FormatError {
  return new FormatError("source-timeout", `${what}. Try again later, or download the file.`, { source: label })
}

function seconds(milliseconds: number): string {
  return `${Number((milliseconds / 1000).toPrecision(2))} s`
}
