import { FormatError } from "@lllite/format"
import type { TimeLimits } from "@lllite/format/remote"
import { createBodyReader, fetchWithin, retryAfter, TIME_LIMITS } from "@lllite/format/remote"
import { WebRuntimeError } from "../errors.ts"

/** The place that gets the bytes of a download. */
export interface DownloadTarget {
  /** Bytes that it holds already, from the start of the file. */
  readonly size: number
  write(bytes: Uint8Array, at: number): void
  /** Removes all bytes from `size` on. */
  truncate(size: number): void
}

/** Identifies a version of a file on a server. A download is continued only with the same version. */
export interface FileVersion {
  /** A strong ETag, or else the date; null if the server sends neither. */
  readonly validator: string | null
  /** Bytes of the whole file; null if the server does not say. */
  readonly total: number | null
}

export interface DownloadProgress {
  readonly done: number
  readonly total: number | null
}

export interface DownloadOptions {
  /** Version of the bytes that the target holds. They are kept only if the server still has that version. */
  readonly version?: FileVersion | null
  /** Called and awaited when the server has sent a new version, before its first byte is written. */
  readonly onVersion?: (version: FileVersion) => void | Promise<void>
  readonly signal?: AbortSignal
  /** Number of failed connections in a row, without a new mebibyte in between, that ends the download. Default: 5 */
  readonly attempts?: number
  /** Milliseconds before the second attempt. They double for every further attempt. Default: 500 */
  readonly backoff?: number
  readonly fetch?: typeof fetch
  /** Default: `TIME_LIMITS` of `@lllite/format/remote` */
  readonly limits?: TimeLimits
  /** The most bytes of a file. Default: 32 GiB, more than an SDXL has in any dtype */
  readonly mostBytes?: number
}

/** New bytes after which a connection counts as one that works. Else a server could send a byte for each connection. */
const LEAST_PROGRESS = 2 ** 20

/** The shortest time between two reports of progress, in milliseconds. */
const PROGRESS_EVERY = 100

/**
 * Downloads a file. After a failed connection, or with bytes of an earlier session, it continues at the last byte. This
 * needs the same version of the file on the server. A server that cannot send parts sends the whole file again.
 *
 * Source: RFC 9110, sections 13.1.5 (If-Range) and 14 (ranges).
 *
 * @returns the version that was downloaded
 * @throws WebRuntimeError when the server refuses or cannot be reached, or when the file is too long; FormatError
 * `source-timeout` when the server sends too slowly; the signal's reason after an abort
 */
export async function* download(
  url: string,
  target: DownloadTarget,
  options: DownloadOptions = {},
): AsyncGenerator<DownloadProgress, FileVersion, void> {
  const { signal, attempts = 5, backoff = 500, limits = TIME_LIMITS, mostBytes = 32 * 2 ** 30 } = options
  let version = options.version ?? null
  let at = version?.validator == null ? 0 : target.size
  let failures = 0
  /** The farthest byte when the failures were counted from 0. */
  let reached = at
  for (;;) {
    signal?.throwIfAborted()
    let wait = 0
    let began = at
    try {
      const answer = await request(url, at, version, options)
      if (answer.start !== at || at === 0) target.truncate(answer.start)
      at = answer.start
      began = at
      if (version === null || version.validator !== answer.version.validator) await options.onVersion?.(answer.version)
      version = answer.version
      const { total } = version
      if ((total ?? 0) > mostBytes) throw tooLong(url, mostBytes)
      let reportedAt = 0
      const reader = createBodyReader(answer.body, url, limits)
      for (let piece = await reader.read(); piece !== null; piece = await reader.read()) {
        if (at + piece.byteLength > mostBytes) {
          await reader.cancel()
          throw tooLong(url, mostBytes)
        }
        target.write(piece, at)
        at += piece.byteLength
        if (at - reached >= LEAST_PROGRESS) {
          failures = 0
          reached = at
        }
        if (performance.now() - reportedAt < PROGRESS_EVERY) continue
        reportedAt = performance.now()
        yield { done: at, total }
      }
      if (total !== null && at !== total) throw new BrokenConnection(`received ${at} of ${total} bytes`)
      yield { done: at, total: at }
      return { ...version, total: at }
    } catch (error) {
      signal?.throwIfAborted()
      if (!isPassing(error)) throw error
      // A server that is silent or slow and has not sent much is not asked again.
      if (error instanceof FormatError && error.code === "source-timeout" && at - began < LEAST_PROGRESS) throw error
      if (error instanceof BrokenConnection) wait = error.wait
      if (wait > limits.longestWait) {
        throw new WebRuntimeError(
          "server-status",
          `"${url}": ${error.message}, and asks to wait ${Math.ceil(wait / 1000)} s. Load it again then.`,
        )
      }
      if (++failures >= attempts) {
        throw new WebRuntimeError(
          "connection-lost",
          `"${url}": the connection failed ${failures} times in a row, after ${at} bytes (${error.message}). Load it again to continue from there.`,
          { cause: error },
        )
      }
      if (version?.validator == null) at = 0
      await pause(Math.max(wait, backoff * 2 ** (failures - 1)), signal)
    }
  }
}

class BrokenConnection extends Error {
  /** Milliseconds that the server asks to wait. */
  readonly wait: number

  constructor(message: string, wait = 0) {
    super(message)
    this.wait = wait
  }
}

/** Whether a new connection may help. fetch throws TypeError for every failed connection. */
function isPassing(error: unknown): error is Error {
  if (error instanceof FormatError) return error.code === "source-timeout" || error.code === "source-short-read"
  return error instanceof TypeError || error instanceof BrokenConnection
}

function tooLong(url: string, mostBytes: number): WebRuntimeError {
  const most = `${(mostBytes / 2 ** 30).toFixed(0)} GiB`
  return new WebRuntimeError(
    "file-size",
    `"${url}": the file has more than ${most}, and no checkpoint has. Check the address.`,
  )
}

interface Answer {
  /** Position in the file where the bytes of the body begin. */
  readonly start: number
  readonly version: FileVersion
  readonly body: ReadableStream<Uint8Array> | null
}

async function request(
  url: string,
  at: number,
  version: FileVersion | null,
  options: DownloadOptions,
): Promise<Answer> {
  const { signal, fetch: ask = fetch, limits = TIME_LIMITS } = options
  const validator = version?.validator ?? null
  const headers: Record<string, string> =
    at > 0 && validator !== null ? { range: `bytes=${at}-`, "if-range": validator } : {}
  const response = await fetchWithin(ask, url, { headers, ...(signal === undefined ? {} : { signal }) }, url, limits)
  const { status } = response
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "")
  const total = range?.[2] === undefined || range[2] === "*" ? null : Number(range[2])
  // The target holds the whole file already.
  if (status === 416 && total === at && version !== null)
    return { start: at, version: { ...version, total }, body: null }
  if (status === 206 && Number(range?.[1] ?? Number.NaN) === at) {
    return { start: at, version: { validator, total: total ?? version?.total ?? null }, body: response.body }
  }
  if (status === 416 && at > 0) return request(url, 0, null, options)
  if (status !== 200) {
    await response.body?.cancel()
    if (status >= 500 || status === 429)
      throw new BrokenConnection(`the server answered ${status}`, retryAfter(response))
    throw new WebRuntimeError(
      "server-status",
      `"${url}": the server answered ${status} ${response.statusText}. Check the address.`,
    )
  }
  return { start: 0, version: versionOf(response), body: response.body }
}

function versionOf({ headers }: Response): FileVersion {
  const etag = headers.get("etag")
  const length = headers.get("content-length")
  const isEncoded = (headers.get("content-encoding") ?? "identity") !== "identity"
  return {
    // A weak ETag does not promise the same bytes. A compressed answer does not have the bytes of the file.
    validator: isEncoded ? null : etag !== null && !etag.startsWith("W/") ? etag : headers.get("last-modified"),
    total: length === null || isEncoded || !/^\d+$/.test(length) ? null : Number(length),
  }
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
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
