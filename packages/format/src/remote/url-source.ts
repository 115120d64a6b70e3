import { FormatError } from "../errors.ts"
import { safeText } from "../safe-text.ts"
import type { ByteSource } from "../source.ts"
import type { BodyReader } from "./limits.ts"
import { createBodyReader } from "./limits.ts"
import type { RequestOptions } from "./request.ts"
import { discard, isTimeout, limitsOf, request } from "./request.ts"

/** Options of {@link fromUrl}. */
export interface UrlOptions extends RequestOptions {
  /** The source's name in messages. Default: the URL without its query. */
  readonly label?: string
}

/** A file on the web, read a range at a time. Close it when done: this cancels an unfinished download. */
export interface UrlSource extends ByteSource {
  readonly close: () => Promise<void>
}

/**
 * Bytes of the first request. They contain a small file's whole header, and few unneeded bytes of a large file.
 */
const FIRST_BYTES = 64 * 1024

/** The most bytes to read of a file whose server cannot send parts of it. */
const MOST_WITHOUT_RANGES = 64 * 2 ** 20

/**
 * A source over a file on the web, read by range requests. The header of a 7 GB checkpoint costs a few hundred
 * kilobytes. After a redirect, later requests go directly to its target. Another server does not get the given headers.
 * Failed requests are repeated. A file that changes during reading (its ETag, date or size) is refused.
 *
 * From a server without range requests, the beginning is read as far as necessary, up to 64 MiB.
 *
 * @throws FormatError `source-unreachable`, `source-status`, `source-ranges`, `source-timeout`
 */
export async function fromUrl(url: string | URL, options: UrlOptions = {}): Promise<UrlSource> {
  const label = options.label ?? safeText(String(url).replace(/[?#].*$/s, ""))
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new FormatError(
      "source-unreachable",
      "this is not an address that begins with https:// or http://, and names a server. Check the address.",
      {
        source: label,
      },
    )
  }
  const { asked, headers } = withoutCredentials(new URL(url))
  return open(asked, label, { ...options, headers: { ...headers, ...options.headers } })
}

async function open(asked: string, label: string, options: UrlOptions): Promise<UrlSource> {
  const first = await request(asked, label, options, rangeOf(0, FIRST_BYTES))
  if (first.status === 206) return rangeSource(asked, label, options, first)
  // An empty file has no range to request.
  if (first.status === 416) {
    await discard(first)
    return { size: 0, label, read: async () => new Uint8Array(0), close: async () => {} }
  }
  return wholeSource(label, first, options)
}

/** An address without user name and password, which `fetch` refuses. They become the header for them. */
export function withoutCredentials(given: URL): {
  readonly asked: string
  readonly headers: Readonly<Record<string, string>>
} {
  const url = new URL(given)
  const { username, password } = url
  if (username === "" && password === "") return { asked: url.href, headers: {} }
  url.username = ""
  url.password = ""
  const bytes = new TextEncoder().encode(`${decoded(username)}:${decoded(password)}`)
  return { asked: url.href, headers: { authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` } }
}

function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (part) => {
    try {
      return decodeURIComponent(part)
    } catch {
      // It is not UTF-8, so it stands for itself.
      return part
    }
  })
}

/** The headers that differ between versions of a file. */
interface Version {
  readonly size: number
  readonly etag: string | null
  readonly modified: string | null
}

async function rangeSource(url: string, label: string, options: UrlOptions, first: Response): Promise<UrlSource> {
  const range = contentRange(first)
  const isEncoded = (first.headers.get("content-encoding") ?? "identity") !== "identity"
  if (isEncoded || (range !== null && range.start !== 0)) {
    await discard(first)
    const came = isEncoded ? "compressed ones" : `bytes from ${range?.start}`
    throw new FormatError("source-ranges", `asked the server for the first bytes, got ${came}. Download the file.`, {
      source: label,
    })
  }
  const size = range?.size ?? (await sizeByHead(url, label, options))
  const version: Version = { size, etag: first.headers.get("etag"), modified: first.headers.get("last-modified") }
  const head = await body(first, label, 0, Math.min(FIRST_BYTES, size), options).catch((error: unknown) => {
    if (isTimeout(error)) throw error
    return new Uint8Array(0)
  })
  let place = first.url === "" ? url : first.url

  const fetchRange = async (start: number, end: number): Promise<Uint8Array> => {
    const { retries = 3 } = options
    for (let attempt = 0; ; attempt++) {
      let answer: Response
      try {
        answer = await request(
          place,
          label,
          sameServer(place, url) ? options : { ...options, headers: {} },
          rangeOf(start, end),
        )
      } catch (error) {
        // The target of a redirect is often valid for an hour only.
        if (place === url || !(error instanceof FormatError) || error.code !== "source-status") throw error
        place = url
        continue
      }
      checkVersion(answer, version, start, label)
      if (place === url && answer.url !== "") place = answer.url
      try {
        return await body(answer, label, start, end, options)
      } catch (error) {
        if (attempt >= retries || isTimeout(error)) throw error
      }
    }
  }

  return {
    size,
    label,
    close: async () => {},
    read: async (start, end) => {
      if (start >= end) return new Uint8Array(0)
      if (end <= head.byteLength) return head.subarray(start, end)
      if (start >= head.byteLength) return fetchRange(start, end)
      const bytes = new Uint8Array(end - start)
      bytes.set(head.subarray(start))
      bytes.set(await fetchRange(head.byteLength, end), head.byteLength - start)
      return bytes
    },
  }
}

function checkVersion(answer: Response, version: Version, start: number, label: string): void {
  const place = { source: label, offset: start }
  const range = contentRange(answer)
  const changed =
    differs(answer.headers.get("etag"), version.etag) ||
    differs(answer.headers.get("last-modified"), version.modified) ||
    (range !== null && range.size !== null && range.size !== version.size)
  if (changed) {
    void discard(answer)
    throw new FormatError("source-changed", "the file on the server changed while it was read. Read it again.", place)
  }
  if (answer.status === 206 && (range === null || range.start === start)) return
  void discard(answer)
  const came = answer.status === 206 ? `bytes from ${range?.start}` : "the whole file"
  throw new FormatError(
    "source-ranges",
    `asked the server for bytes from ${start}, got ${came}. Download the file.`,
    place,
  )
}

function differs(now: string | null, before: string | null): boolean {
  return now !== null && before !== null && now !== before
}

/** A body of a known length. No further bytes are read. */
async function body(
  answer: Response,
  label: string,
  start: number,
  end: number,
  options: RequestOptions,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start)
  const reader = createBodyReader(answer.body, label, limitsOf(options), start)
  const filled = await fill(reader, bytes)
  if (filled === bytes.byteLength) return bytes
  throw new FormatError("source-short-read", `asked the server for ${bytes.byteLength} bytes, ${filled} came`, {
    source: label,
    offset: start,
  })
}

async function fill(reader: BodyReader, bytes: Uint8Array): Promise<number> {
  let filled = 0
  while (filled < bytes.byteLength) {
    const piece = await reader.read()
    if (piece === null) return filled
    bytes.set(piece.subarray(0, bytes.byteLength - filled), filled)
    filled += piece.byteLength
  }
  await reader.cancel()
  return Math.min(filled, bytes.byteLength)
}

/** A server that answers every request with the whole file. The beginning is kept as it arrives. */
function wholeSource(label: string, answer: Response, options: RequestOptions): UrlSource {
  const reader = createBodyReader(answer.body, label, limitsOf(options))
  const length = answer.headers.get("content-length")
  const encoded = (answer.headers.get("content-encoding") ?? "identity") !== "identity"
  const size = length === null || encoded || !/^\d+$/.test(length) ? Number.NaN : Number(length)
  if (!Number.isSafeInteger(size)) {
    void reader.cancel()
    const what = "the server neither sends parts of the file nor says how long it is"
    throw new FormatError("source-ranges", `${what}. Download the file, and open it from disk.`, { source: label })
  }
  let head = new Uint8Array(0)
  let pending = Promise.resolve()
  let rest: Uint8Array | null = null
  const readTo = async (end: number): Promise<void> => {
    const grown = new Uint8Array(end)
    grown.set(head)
    let filled = head.byteLength
    while (filled < end) {
      if (rest === null || rest.byteLength === 0) {
        const next = await reader.read()
        if (next === null) break
        rest = next
      }
      const part = rest.subarray(0, end - filled)
      grown.set(part, filled)
      filled += part.byteLength
      rest = rest.subarray(part.byteLength)
    }
    head = grown.subarray(0, filled)
  }
  return {
    size,
    label,
    close: () => reader.cancel(),
    read: async (start, end) => {
      if (end > MOST_WITHOUT_RANGES) {
        const what = `the server cannot send parts of the file, and byte ${end} is after the ${MOST_WITHOUT_RANGES} bytes that are read in this case`
        throw new FormatError("source-ranges", `${what}. Download the file.`, { source: label, offset: start })
      }
      // There is one reader, so reads run one after another.
      pending = pending.then(() => (end > head.byteLength ? readTo(end) : undefined))
      await pending
      return head.subarray(Math.min(start, head.byteLength), end)
    },
  }
}

async function sizeByHead(url: string, label: string, options: UrlOptions): Promise<number> {
  // Browsers hide Content-Range from pages of another origin if the server does not allow it. They show Content-Length.
  const answer = await request(url, label, options, {}, "HEAD")
  const length = answer.headers.get("content-length")
  if (length !== null && /^\d+$/.test(length)) return Number(length)
  throw new FormatError("source-ranges", "the server does not say how long the file is. Download the file.", {
    source: label,
  })
}

function contentRange(answer: Response): { start: number; size: number | null } | null {
  const [, start, size] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.headers.get("content-range") ?? "") ?? []
  if (start === undefined) return null
  const bytes = Number(size)
  // A size that no file has is as good as none.
  return { start: Number(start), size: Number.isSafeInteger(bytes) ? bytes : null }
}

function rangeOf(start: number, end: number): Record<string, string> {
  return { range: `bytes=${start}-${end - 1}` }
}

function sameServer(a: string, b: string): boolean {
  return new URL(a).origin === new URL(b).origin
}
