import { FormatError } from "@lllite/format"
import type { RequestOptions } from "@lllite/format/remote"
import { request } from "@lllite/format/remote"
import type { RemoteFile } from "../remote-location.ts"

/** What a server says of a file. */
export interface RemoteVersion {
  /** Bytes. Null if the server does not say. */
  readonly size: number | null
  /** The ETag of the contents, or their date. Null if the server gives neither. */
  readonly tag: string | null
  /** The SHA-256 of the contents, in hexadecimal. Null if the server does not say. */
  readonly sha256: string | null
}

/** An answer, and the file that it is of. */
export interface FileAnswer extends RemoteVersion {
  readonly answer: Response
  /** Where the body begins in the file. */
  readonly start: number
}

/** Options of requests for a file. */
export type AskOptions = Pick<RequestOptions, "limits" | "retries" | "retryDelay" | "signal">

/** As many as browsers follow. */
const MOST_REDIRECTS = 20

/** Says what gives a token. */
const TOKEN_ADVICE =
  "For a file of the Hugging Face Hub, set the environment variable HF_TOKEN to a token that may read it."

/**
 * Asks for a file from a byte on. Redirects are followed here, because the Hub says what a file is before the last one.
 * Source: huggingface_hub, `file_download.py` (`get_hf_file_metadata`).
 *
 * @param range the first and last byte. Without a last byte, all that follow
 * @throws FormatError as `request`
 */
export async function askServer(
  { url, headers }: RemoteFile,
  label: string,
  range: readonly [first: number, last?: number],
  options: AskOptions = {},
): Promise<FileAnswer> {
  let linked: RemoteVersion = { size: null, tag: null, sha256: null }
  const follow = async (from: string, init: RequestInit): Promise<Response> => {
    let at = from
    let sent = init
    for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      const answer = await fetch(at, { ...sent, redirect: "manual" })
      linked = linkedVersion(answer) ?? linked
      const location = answer.headers.get("location")
      if (answer.status < 301 || answer.status > 308 || answer.status === 304 || location === null) return answer
      await answer.body?.cancel()
      const next = new URL(location, at)
      if (!/^https?:$/.test(next.protocol)) throw new TypeError(`a redirect leads to ${next.protocol}`)
      // Another server does not get the token.
      if (next.origin !== new URL(at).origin) sent = { ...sent, headers: withoutAuthorization(sent.headers) }
      at = next.href
    }
    throw new TypeError("the server redirects without end")
  }
  const [first, last = ""] = range
  const answer = await request(
    url,
    label,
    { ...options, headers, fetch: follow },
    { range: `bytes=${first}-${last}` },
  ).catch((error: unknown) => {
    if (!isRefusal(error)) throw error
    throw new FormatError("source-status", `${error.message} ${TOKEN_ADVICE}`, { cause: error })
  })
  const [, from, stated] = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(answer.headers.get("content-range") ?? "") ?? []
  const isWhole = answer.status === 200
  const size = count(isWhole && !isCompressed(answer) ? answer.headers.get("content-length") : stated)
  return {
    answer,
    start: isWhole ? 0 : Number(from ?? first),
    size: size ?? linked.size,
    tag: linked.tag ?? etagOf(answer) ?? answer.headers.get("last-modified"),
    sha256: linked.sha256,
  }
}

/** Whether the server refuses this reader. */
function isRefusal(error: unknown): error is FormatError {
  return error instanceof FormatError && error.code === "source-status" && /answered 40[13]\b/.test(error.message)
}

/** What the Hub says of a file. Large files have their SHA-256 as ETag. Null if the answer is not the Hub's. */
function linkedVersion({ headers }: Response): RemoteVersion | null {
  if (!headers.has("x-linked-etag") && !headers.has("x-repo-commit")) return null
  const tag = plainTag(headers.get("x-linked-etag") ?? headers.get("etag"))
  const sha256 = tag !== null && /^[0-9a-f]{64}$/.test(tag) ? tag : null
  return { size: count(headers.get("x-linked-size")), tag, sha256 }
}

function etagOf({ headers }: Response): string | null {
  return plainTag(headers.get("etag"))
}

function plainTag(tag: string | null): string | null {
  return tag === null ? null : tag.replace(/^W\//, "").replaceAll('"', "")
}

function isCompressed({ headers }: Response): boolean {
  return (headers.get("content-encoding") ?? "identity") !== "identity"
}

function count(text: string | null | undefined): number | null {
  const value = Number(text)
  return text == null || !/^\d+$/.test(text) || !Number.isSafeInteger(value) ? null : value
}

function withoutAuthorization(headers: RequestInit["headers"]): Headers {
  const kept = new Headers(headers)
  kept.delete("authorization")
  return kept
}
