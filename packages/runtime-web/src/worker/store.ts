import { FormatError } from "@lllite/format"
import { fetchWithin } from "@lllite/format/remote"
import type { TextStore } from "@lllite/webgpu"
import { WebRuntimeError } from "../errors.ts"
import { noteName, readNote, type StoredNote, storedName, storeFolder } from "../stored-files.ts"
import type { DownloadProgress, DownloadTarget, FileVersion } from "./download.ts"
import { download } from "./download.ts"

/** After this many bytes, written bytes are flushed to the disk. */
const FLUSH_EVERY = 64 * 2 ** 20

/** Files of what is known of adapters. Names of checkpoints begin with a hash, so they differ. */
type StoredText = "webgpu-tiles.json" | "webgpu-checks.json"

/**
 * Downloads a file into the origin's private file system, and continues the download of an earlier session. A complete
 * file is downloaded again only if the server has another version. Without a connection it is used as it is. If several
 * tabs need the file, one downloads it and the others wait.
 *
 * @throws WebRuntimeError like `download`, and when the file does not fit
 */
export async function* downloadToStore(url: string, signal: AbortSignal): AsyncGenerator<DownloadProgress, File, void> {
  const folder = await storeFolder()
  const name = await storedName(url)
  const release = await acquire(`lllite ${name}`, signal)
  try {
    const note = await readNote(folder, name)
    const handle = await folder.getFileHandle(name, { create: true })
    if (note?.isWhole === true && (await isCurrent(url, note, signal))) {
      const file = await handle.getFile()
      if (file.size === note.total) {
        yield { done: file.size, total: file.size }
        return file
      }
    }
    const access = await handle.createSyncAccessHandle()
    try {
      const target = toTarget(access)
      const onVersion = async (version: FileVersion): Promise<void> => {
        await expectRoom(url, version, target.size)
        await writeNote(folder, name, { url, ...version, isWhole: false })
      }
      const version = yield* download(url, target, { version: note, signal, onVersion })
      access.flush()
      await writeNote(folder, name, { url, ...version, isWhole: true })
    } finally {
      access.flush()
      access.close()
    }
    return await handle.getFile()
  } finally {
    release()
  }
}

function toTarget(access: FileSystemSyncAccessHandle): DownloadTarget {
  let unflushed = 0
  return {
    get size() {
      return access.getSize()
    },
    write(bytes, at) {
      const written = access.write(bytes as Uint8Array<ArrayBuffer>, { at })
      if (written !== bytes.byteLength) {
        throw fullError(written, bytes.byteLength)
      }
      unflushed += written
      if (unflushed < FLUSH_EVERY) return
      access.flush()
      unflushed = 0
    },
    truncate: (size) => access.truncate(size),
  }
}

function fullError(written: number, expected: number): WebRuntimeError {
  const text = `only ${written} of ${expected} bytes were stored. Make room on the disk.`
  return new WebRuntimeError("storage-full", text)
}

/** Waits for a lock and returns a function that releases it. A browser releases the locks of a closed tab. */
function acquire(name: string, signal: AbortSignal): Promise<() => void> {
  return new Promise((resolve, reject) => {
    navigator.locks.request(name, { signal }, () => new Promise<void>((release) => resolve(release))).catch(reject)
  })
}

async function isCurrent(url: string, { validator, total }: StoredNote, signal: AbortSignal): Promise<boolean> {
  try {
    const { ok, headers } = await fetchWithin(fetch, url, { method: "HEAD", signal }, url)
    if (!ok) return true
    const now = headers.get("etag") ?? headers.get("last-modified")
    const length = headers.get("content-length")
    const isSameLength = length === null || headers.has("content-encoding") || Number(length) === total
    return isSameLength && (now === null || validator === null || now === validator)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof TypeError || error instanceof FormatError) return true
    throw error
  }
}

async function expectRoom(url: string, { total }: FileVersion, there: number): Promise<void> {
  const { quota, usage } = await navigator.storage.estimate()
  if (total === null || quota === undefined || usage === undefined) return
  const free = quota - usage + there
  if (total <= free) return
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`
  throw new WebRuntimeError(
    "storage-full",
    `"${url}" has ${gigabytes(total)}, and this browser lets the page keep only ${gigabytes(free)} more. Remove kept files, make room on the disk, or download it yourself and pick the file.`,
  )
}

async function writeNote(folder: FileSystemDirectoryHandle, name: string, note: StoredNote): Promise<void> {
  const { url, validator, total, isWhole } = note
  await writeText(folder, noteName(name), JSON.stringify({ url, validator, total, isWhole }))
}

/** A small text in the origin's private file system. */
export function storeOf(name: StoredText): TextStore {
  return {
    read: async () => (await (await (await storeFolder()).getFileHandle(name)).getFile()).text(),
    write: async (text) => writeText(await storeFolder(), name, text),
  }
}

async function writeText(folder: FileSystemDirectoryHandle, name: string, text: string): Promise<void> {
  const handle = await folder.getFileHandle(name, { create: true })
  const access = await handle.createSyncAccessHandle()
  try {
    // The old text is cut after the new one is there. So a full disk does not take the room that the file has.
    const bytes = new TextEncoder().encode(text)
    const written = access.write(bytes, { at: 0 })
    if (written !== bytes.byteLength) throw fullError(written, bytes.byteLength)
    access.truncate(bytes.byteLength)
    access.flush()
  } finally {
    access.close()
  }
}
