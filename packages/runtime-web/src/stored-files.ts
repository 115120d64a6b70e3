import { WebRuntimeError } from "./errors.ts"

/*
 * Downloads are kept in the origin's private file system, where only this origin's pages can reach them. Beside each
 * file lies a note of what it is, written before the first byte, so that a download can be continued in another session.
 */

const FOLDER = "lllite-checkpoints"
const NOTE = ".json"

/** What is known of a kept file. */
export interface StoredNote {
  readonly url: string
  readonly validator: string | null
  readonly total: number | null
  /** Whether all of it is there. */
  readonly isWhole: boolean
}

/** A file that was downloaded, or the part of it that has come so far. */
export interface StoredFile extends StoredNote {
  readonly name: string
  /** Bytes that are there. */
  readonly size: number
}

/** Whether this browser and page have a private file system. */
export function canStore(): boolean {
  return typeof navigator !== "undefined" && typeof navigator.storage?.getDirectory === "function"
}

/** @throws WebRuntimeError where there is no private file system */
export async function storeFolder(): Promise<FileSystemDirectoryHandle> {
  if (!canStore()) {
    throw new WebRuntimeError(
      "this browser keeps no files for pages (OPFS), or this page is not served over https. Pick a file instead.",
    )
  }
  const root = await navigator.storage.getDirectory()
  return root.getDirectoryHandle(FOLDER, { create: true })
}

/** A name for what lies at an address: its last part, and a hash of all of it. */
export async function storedName(url: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(url)))
  const digits = [...hash.subarray(0, 6)].map((byte) => byte.toString(16).padStart(2, "0")).join("")
  const last = new URL(url).pathname.split("/").at(-1) ?? ""
  return `${digits}-${last.replaceAll(/[^A-Za-z0-9._-]/g, "_").slice(-80)}`
}

/** Reads a note; null where there is none, or one that says nothing. */
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

/** Everything that is kept. */
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

/** Opens a kept file. @throws WebRuntimeError when there is none of that name, or not all of it */
export async function openStored(name: string): Promise<File> {
  const folder = await storeFolder()
  const note = await readNote(folder, name)
  if (note === null || !note.isWhole) {
    const what = note === null ? "no such file is kept" : "it has not come whole"
    throw new WebRuntimeError(`"${name}": ${what}. Load it by its address first.`)
  }
  return (await folder.getFileHandle(name)).getFile()
}

/** Removes a kept file. */
export async function removeStored(name: string): Promise<void> {
  const folder = await storeFolder()
  for (const entry of [name, noteName(name)]) {
    await folder.removeEntry(entry).catch((error: unknown) => {
      if (!(error instanceof DOMException && error.name === "NotFoundError")) throw error
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
