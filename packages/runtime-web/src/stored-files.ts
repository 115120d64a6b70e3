import { checkArgument } from "@lllite/core/names"
import { WebRuntimeError } from "./errors.ts"

/*
 * Downloads are kept in the origin's private file system. Only pages of this origin can read them. Beside each file
 * lies a note with its address and version. The note is written before the first byte, so that another session can
 * continue the download.
 */

const FOLDER = "lllite-checkpoints"
const NOTE = ".json"

/** The note of a kept file. */
export interface StoredNote {
  readonly url: string
  /** A strong ETag, or else the date; null if the server sent neither. */
  readonly validator: string | null
  /** Bytes of the whole file; null if the server did not say. */
  readonly total: number | null
  /** Whether the file is complete. */
  readonly isWhole: boolean
}

/** A downloaded file, or the part of it that was received. */
export interface StoredFile extends StoredNote {
  readonly name: string
  /** Bytes that are stored. */
  readonly size: number
}

/** Whether this browser and page have a private file system. */
export function canStore(): boolean {
  return typeof navigator !== "undefined" && typeof navigator.storage?.getDirectory === "function"
}

/** The folder of kept files. @throws WebRuntimeError if there is no private file system */
export async function storeFolder(): Promise<FileSystemDirectoryHandle> {
  if (!canStore()) {
    throw new WebRuntimeError(
      "storage-unavailable",
      "this page cannot keep files: it needs https and a browser with a private file system (OPFS). Pick a file instead.",
    )
  }
  const root = await navigator.storage.getDirectory()
  return root.getDirectoryHandle(FOLDER, { create: true })
}

/** The name of a kept file: a hash of its address, and the last part of it. */
export async function storedName(url: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(url)))
  const digits = [...hash.subarray(0, 6)].map((byte) => byte.toString(16).padStart(2, "0")).join("")
  const last = new URL(url).pathname.split("/").at(-1) ?? ""
  return `${digits}-${last.replaceAll(/[^A-Za-z0-9._-]/g, "_").slice(-80)}`
}

/** Reads a note. Null if there is none or it is not valid. */
export async function readNote(folder: FileSystemDirectoryHandle, name: string): Promise<StoredNote | null> {
  try {
    const handle = await folder.getFileHandle(name + NOTE)
    const note: unknown = JSON.parse(await (await handle.getFile()).text())
    return isNote(note) ? note : null
  } catch {
    return null
  }
}

/** Name of the file that a note is written to. */
export function noteName(name: string): string {
  return name + NOTE
}

/** Lists all kept files. */
export async function listStored(): Promise<readonly StoredFile[]> {
  const folder = await storeFolder()
  const files: StoredFile[] = []
  for await (const [name, handle] of folder.entries()) {
    if (handle.kind !== "file" || name.endsWith(NOTE)) continue
    const note = await readNote(folder, name)
    if (note === null) continue
    const { size } = await (handle as FileSystemFileHandle).getFile()
    files.push({ name, size, ...note })
  }
  return files
}

/** Opens a file that was downloaded and kept. @throws WebRuntimeError when no file has that name, or it is not complete */
export async function openStored(name: string): Promise<File> {
  checkArgument("openStored: the name", name, "text")
  const folder = await storeFolder()
  const note = await readNote(folder, name)
  if (note === null || !note.isWhole) {
    const what = note === null ? "no such file is kept" : "its download is not complete"
    throw new WebRuntimeError("not-stored", `"${name}": ${what}. Load it by its address first.`)
  }
  return (await folder.getFileHandle(name)).getFile()
}

/** Removes a kept file. Nothing happens where no file has that name. @throws CoreError `argument` for no text */
export async function removeStored(name: string): Promise<void> {
  checkArgument("removeStored: the name", name, "text")
  const folder = await storeFolder()
  for (const entry of [name, noteName(name)]) {
    await folder.removeEntry(entry).catch((error: unknown) => {
      // No file can have a name that is not allowed.
      const isMissing = error instanceof TypeError || (error instanceof DOMException && error.name === "NotFoundError")
      if (!isMissing) throw error
    })
  }
}

function isNote(note: unknown): note is StoredNote {
  if (typeof note !== "object" || note === null) return false
  const { url, validator, total, isWhole } = note as Record<string, unknown>
  return (
    typeof url === "string" &&
    (validator === null || typeof validator === "string") &&
    (total === null || typeof total === "number") &&
    typeof isWhole === "boolean"
  )
}
