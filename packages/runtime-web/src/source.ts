import { WebRuntimeError } from "./errors.ts"
import type { SentSource } from "./types.ts"

/**
 * Where a file is: one that was picked or dropped, an address, or a kept download by its name. What comes from an
 * address is kept in the origin's private file system unless `keep` is false.
 */
export type WebSource =
  | Blob
  | string
  | URL
  | { readonly url: string | URL; readonly keep: boolean }
  | { readonly stored: string }

/** A source in a form that can be sent to the worker. @throws WebRuntimeError for what is no address */
export function toSent(source: WebSource): SentSource {
  if (source instanceof Blob) {
    return {
      kind: "blob",
      blob: source,
      label: "name" in source && typeof source.name === "string" ? source.name : "blob",
    }
  }
  if (typeof source === "string" || source instanceof URL) return { kind: "url", url: addressOf(source), keep: true }
  if ("stored" in source) return { kind: "stored", name: source.stored }
  return { kind: "url", url: addressOf(source.url), keep: source.keep }
}

/** Relative addresses are the page's, not the worker's. */
function addressOf(url: string | URL): string {
  const base = globalThis.document?.baseURI
  if (URL.canParse(url, base)) {
    const address = new URL(url, base)
    if (address.protocol === "https:" || address.protocol === "http:") return address.href
  }
  throw new WebRuntimeError(`"${url}" is no address that begins with https:// or http://. Give a File for one on disk.`)
}
