import { parseHubReference } from "@lllite/format/remote"
import { PageError, sentence } from "../language/sentence.ts"
import type { ModelSource } from "../page/model.ts"

/** Pixels of a side for which SDXL is planned at first. */
const FIRST_SIDE = 1024

/** A checkpoint from a disk. It is read in place. */
export function fileSource(file: File): ModelSource {
  return { name: file.name, path: file.name, source: file, vae: null, sha256: null, side: FIRST_SIDE }
}

/** A checkpoint of which the browser keeps a download. */
export function storedSource(name: string, url: string): ModelSource {
  return { name: lastPart(url), path: url, source: { stored: name }, vae: null, sha256: null, side: FIRST_SIDE }
}

/**
 * A checkpoint at an address, or on the Hugging Face Hub.
 *
 * @throws PageError for a text that is neither
 */
export function textSource(text: string): ModelSource {
  const trimmed = text.trim()
  const common = { vae: null, sha256: null, side: FIRST_SIDE, path: trimmed } as const
  const hub = parseHubReference(trimmed)
  if (hub !== null)
    return { ...common, name: hub.file === null ? hub.repo : lastPart(hub.file), source: { hub: trimmed } }
  if (/^https?:/.test(trimmed) && URL.canParse(trimmed)) {
    return { ...common, name: lastPart(new URL(trimmed).pathname) || trimmed, source: trimmed }
  }
  throw new PageError(sentence("models", "notAnAddress", trimmed))
}

/** Whether a checkpoint is downloaded before it is opened. */
export function isDownload({ source }: ModelSource): boolean {
  return typeof source === "string" || "hub" in source
}

function lastPart(path: string): string {
  const last =
    path
      .replace(/[?#].*$/s, "")
      .split("/")
      .at(-1) ?? path
  try {
    return decodeURIComponent(last)
  } catch {
    return last
  }
}
