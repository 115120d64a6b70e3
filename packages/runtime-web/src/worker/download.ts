import { WebRuntimeError } from "../errors.ts"

/** Where a download's bytes go. */
export interface DownloadTarget {
  /** Bytes that are there already, from the file's beginning. */
  readonly size: number
  write(bytes: Uint8Array, at: number): void
  /** Forgets what lies behind so many bytes. */
  truncate(size: number): void
}

/** What tells one version of a file on a server from another; needed to continue a download. */
export interface FileVersion {
  /** A strong ETag, or else the date; null where the server says neither. */
  readonly validator: string | null
  /** Bytes of the whole file; null where the server does not say. */
  readonly total: number | null
}

export interface DownloadProgress {
  readonly done: number
  readonly total: number | null
}

export interface DownloadOptions {
  /** Of the bytes that are there already. They are kept only if the server still has that version. */
  readonly version?: FileVersion | null
  /** Awaited as soon as the server has named it, before a byte of it is written. */
  readonly onVersion?: (version: FileVersion) => void | Promise<void>
  readonly signal?: AbortSignal
  /** Broken connections in a row, without a byte in between, after which to give up. 5 unless given. */
  readonly attempts?: number
  /** Milliseconds before the second attempt, doubled for every further one. 500 unless given. */
  readonly backoff?: number
  readonly fetch?: typeof fetch
}

/** Progress is told so often at most, in milliseconds. */
const PROGRESS_EVERY = 100

/**
 * Downloads a file and continues where it broke off, now or in an earlier session, as long as the server has the same
 * version of it. A server that cannot send parts sends all of it again.
 *
 * Source: RFC 9110, sections 13.1.5 (If-Range) and 14 (ranges).
 *
 * @returns the version that was downloaded
 * @throws WebRuntimeError when the server refuses or cannot be reached; the signal's reason when aborted
 */
export async function* download(
  url: string,
  target: DownloadTarget,
  options: DownloadOptions = {},
): AsyncGenerator<DownloadProgress, FileVersion, void> {
  const { signal, attempts = 5, backoff = 500 } = options
  let version = options.version ?? null
  let at = version?.validator == null ? 0 : target.size
  let failures = 0
  for (;;) {
    signal?.throwIfAborted()
    try {
      const answer = await request(url, at, version, options)
      if (answer.start !== at || at === 0) target.truncate(answer.start)
      at = answer.start
      if (version === null || version.validator !== answer.version.validator) await options.onVersion?.(answer.version)
      version = answer.version
      const { total } = version
      let told = 0
      for (const reader = answer.body?.getReader(); reader !== undefined; ) {
        const { done, value } = await reader.read()
        if (done) break
        target.write(value, at)
        at += value.byteLength
        failures = 0
        if (performance.now() - told < PROGRESS_EVERY) continue
        told = performance.now()
        yield { done: at, total }
      }
      if (total !== null && at !== total) throw new BrokenConnection(`${at} of ${total} bytes came`)
      yield { done: at, total: at }
      return { ...version, total: at }
    } catch (error) {
      signal?.throwIfAborted()
      // fetch and its readers fail with TypeError, whatever broke.
      if (!(error instanceof TypeError) && !(error instanceof BrokenConnection)) throw error
      if (++failures >= attempts) {
        throw new WebRuntimeError(
          `"${url}": the connection broke ${failures} times in a row, after ${at} bytes (${error.message}). Load it again to continue from there.`,
          { cause: error },
        )
      }
      if (version?.validator == null) at = 0
      await wait(backoff * 2 ** (failures - 1), signal)
    }
  }
}

class BrokenConnection extends Error {}

interface Answer {
  /** Where its bytes begin. */
  readonly start: number
  readonly version: FileVersion
  readonly body: ReadableStream<Uint8Array> | null
}

async function request(
  url: string,
  at: number,
  version: FileVersion | null,
  { signal, fetch: ask = fetch }: DownloadOptions,
): Promise<Answer> {
  const validator = version?.validator ?? null
  const headers: Record<string, string> =
    at > 0 && validator !== null ? { range: `bytes=${at}-`, "if-range": validator } : {}
  const response = await ask(url, { headers, ...(signal === undefined ? {} : { signal }) })
  const { status } = response
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "")
  const total = range?.[2] === undefined || range[2] === "*" ? null : Number(range[2])
  // Everything was there already.
  if (status === 416 && total === at && version !== null)
    return { start: at, version: { ...version, total }, body: null }
  if (status === 206 && Number(range?.[1] ?? Number.NaN) === at) {
    return { start: at, version: { validator, total: total ?? version?.total ?? null }, body: response.body }
  }
  if (status === 416 && at > 0)
    return request(url, 0, null, { ...(signal === undefined ? {} : { signal }), fetch: ask })
  if (status !== 200) {
    await response.body?.cancel()
    if (status >= 500 || status === 429) throw new BrokenConnection(`the server answered ${status}`)
    throw new WebRuntimeError(`"${url}": the server answered ${status} ${response.statusText}. Check the address.`)
  }
  return { start: 0, version: versionOf(response), body: response.body }
}

function versionOf({ headers }: Response): FileVersion {
  const etag = headers.get("etag")
  const length = headers.get("content-length")
  const isEncoded = (headers.get("content-encoding") ?? "identity") !== "identity"
  return {
    // Weak ETags do not promise the same bytes; nor do compressed answers have the file's own.
    validator: isEncoded ? null : etag !== null && !etag.startsWith("W/") ? etag : headers.get("last-modified"),
    total: length === null || isEncoded || !/^\d+$/.test(length) ? null : Number(length),
  }
}

function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop)
      resolve()
    }, milliseconds)
    signal?.addEventListener("abort", stop, { once: true })
  })
}
