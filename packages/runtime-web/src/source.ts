import { checkOptions, type OptionKinds } from "@lllite/core/names"
import { parseHubReference } from "@lllite/format/remote"
import { WebRuntimeError } from "./errors.ts"
import type { SentSource } from "./types.ts"

/**
 * The source of a file: a `File` that was picked or dropped, an address, the name of a kept download, or a file of the
 * Hugging Face Hub: `owner/name`, `owner/name@revision:folder/file.safetensors`, or its address there. A download is kept
 * in the origin's private file system, unless `keep` is false: then it is in memory only. Default of `keep`: true.
 */
export type WebSource =
  | Blob
  | string
  | URL
  | { readonly url: string | URL; readonly keep?: boolean }
  | { readonly stored: string }
  | { readonly hub: string }

/** Everything that a source with names may have. */
interface NamedSource {
  readonly url?: string | URL
  readonly keep?: boolean
  readonly stored?: string
  readonly hub?: string
}

const SOURCE_KINDS: OptionKinds<NamedSource> = {
  url: "anything",
  keep: "true or false",
  stored: "text",
  hub: "text",
}

/**
 * A source in a form that can be sent to the worker.
 *
 * @throws WebRuntimeError for text that is not an address, or not a reference to the Hub; CoreError for another object
 */
export function toSent(source: WebSource): SentSource {
  if (source instanceof Blob) {
    return {
      kind: "blob",
      blob: source,
      label: "name" in source && typeof source.name === "string" ? source.name : "blob",
    }
  }
  if (typeof source === "string" || source instanceof URL) return { kind: "url", url: addressOf(source), keep: true }
  checkOptions("load: the file", source, SOURCE_KINDS)
  if ("stored" in source) return { kind: "stored", name: source.stored }
  if ("hub" in source) {
    const reference = parseHubReference(source.hub)
    if (reference !== null) return { kind: "hub", reference }
    throw new WebRuntimeError(
      "address",
      `"${source.hub}" is not a reference to the Hugging Face Hub, expected "owner/name" or "owner/name:file.safetensors".`,
    )
  }
  return { kind: "url", url: addressOf(source.url), keep: source.keep ?? true }
}

/**
 * Resolves a relative address by the address of the page, since the worker has another one.
 *
 * @throws WebRuntimeError for text that is not an address, or that has another protocol
 */
export function addressOf(url: string | URL, protocols: readonly string[] = ["https:", "http:"]): string {
  const base = globalThis.document?.baseURI
  if (URL.canParse(url, base)) {
    const address = new URL(url, base)
    if (protocols.includes(address.protocol)) return address.href
  }
  throw new WebRuntimeError(
    "address",
    `"${url}" is not an address, expected one that begins with https:// or http://. For a file on disk, pass a File.`,
  )
}
