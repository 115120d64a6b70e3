import { parseHubReference } from "@lllite/format/remote"
import type { ModelSource } from "../page/model.ts"

/** Pixels of a side for which SDXL is planned at first. */
const FIRST_SIDE = 1024

/** A checkpoint from a disk. It is read in place. */
export function fileSource(file: File): ModelSource {
  return { name: file.name, path: file.name, source: file, vae: null, side: FIRST_SIDE }
}

/** A checkpoint of which the browser keeps a download. */
export function storedSource(name: string, url: string): ModelSource {
  return { name: lastPart(url), path: url, source: { stored: name }, vae: null, side: FIRST_SIDE }
}

/**
 * A checkpoint at an address, or on the Hugging Face Hub.
 *
 * @throws Error for a text that is neither
 */
export function textSource(text: string): ModelSource {
  const trimmed = text.trim()
  const common = { vae: null, side: FIRST_SIDE, path: trimmed } as const
  const hub = parseHubReference(trimmed)
  if (hub !== null)
    return { ...common, name: hub.file === null ? hub.repo : lastPart(hub.file), source: { hub: trimmed } }
  if (/^https?:/.test(trimmed) && URL.canParse(trimmed)) {
    return { ...common, name: lastPart(new URL(trimmed).pathname) || trimmed, source: trimmed }
  }
  throw new Error(
    `“${trimmed}” is neither an address that begins with https:// nor a name on the Hugging Face Hub, such as owner/name or owner/name:file.safetensors.`,
  )
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
