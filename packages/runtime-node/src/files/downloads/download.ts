import { createHash, type Hash } from "node:crypto"
import { dirname } from "node:path"
import { FormatError } from "@lllite/format"
import { createBodyReader, TIME_LIMITS } from "@lllite/format/remote"
import { fileError, InputError } from "../../errors.ts"
import type { RemoteFile } from "../remote-location.ts"
import { expectRoom } from "../try-outputs.ts"
import { type AskOptions, askServer, type RemoteVersion } from "./ask-server.ts"
import { openPart, type PartFile } from "./part-file.ts"

/** Options of {@link download}. */
export interface DownloadOptions extends AskOptions {
  /** Called for each piece. @param size all bytes; null if the server does not say */
  readonly onProgress?: (done: number, size: number | null) => void
}

/** The bytes of a finished download. */
export interface Downloaded {
  readonly size: number
  readonly sha256: string
}

/** Repetitions after a break without a new byte. */
const MOST_BREAKS = 3
/** Bytes of a part that are hashed at once. */
const HASHED_BYTES = 2 ** 22

/**
 * Downloads a file to `path`, whose folder is there. An unfinished part of the same version is continued. The file gets
 * its name when its size and its SHA-256 are those that the server states. After an error or an abort, the part stays.
 *
 * @param version what the server said of the file
 * @throws InputError `download` for other bytes than the server stated, `no-space`, `file`; FormatError `source-*`; the
 * signal's reason
 */
export async function download(
  remote: RemoteFile,
  label: string,
  path: string,
  version: RemoteVersion,
  options: DownloadOptions = {},
): Promise<Downloaded> {
  const part = await attempt(path, () => openPart(path))
  const received: Received = { hash: createHash("sha256"), done: 0 }
  try {
    // Without a tag, the part may be of another version.
    if (version.tag !== null) await takePart(part, received)
    if (version.tag === null || received.done > (version.size ?? received.done)) await restart(part, path, received)
    await attempt(path, () => expectRoom(dirname(path), (version.size ?? 0) - received.done))
    let breaks = 0
    while (received.done !== version.size) {
      const before = received.done
      try {
        await receive({ remote, label, path, version, part, received }, options)
        break
      } catch (error) {
        options.signal?.throwIfAborted()
        breaks = received.done > before ? 1 : breaks + 1
        const isBreak = error instanceof FormatError && error.code === "source-short-read"
        if (!isBreak || breaks > (options.retries ?? MOST_BREAKS)) throw error
      }
    }
  } catch (error) {
    await part.release().catch(() => {})
    throw error
  }
  const done = { size: received.done, sha256: received.hash.digest("hex") }
  const problem = problemOf(done, version)
  if (problem !== null) {
    await part.discard()
    throw new InputError("download", `"${label}": ${problem} The download is removed. Try again.`)
  }
  await attempt(path, () => part.finish())
  return done
}

/** What a part holds. */
interface Received {
  /** Of the first `done` bytes. */
  hash: Hash
  done: number
}

interface Download {
  readonly remote: RemoteFile
  readonly label: string
  readonly path: string
  readonly version: RemoteVersion
  readonly part: PartFile
  readonly received: Received
}

/** Receives the rest of a file in one answer. @throws FormatError `source-short-read` when the answer ends early */
async function receive(
  { remote, label, path, version, part, received }: Download,
  { onProgress, ...options }: DownloadOptions,
): Promise<void> {
  const { answer, start, tag, size } = await askServer(remote, label, [received.done], options)
  const reader = createBodyReader(answer.body, label, { ...TIME_LIMITS, ...options.limits }, received.done)
  try {
    if (tag !== version.tag || (size ?? version.size) !== version.size) {
      throw new FormatError("source-changed", "the file changed during the download. Try again.", { source: label })
    }
    if (start !== received.done) {
      if (start !== 0) {
        const what = `asked the server for bytes from ${received.done}, got bytes from ${start}. Try again.`
        throw new FormatError("source-ranges", what, { source: label })
      }
      // A server without ranges sends the whole file again.
      await restart(part, path, received)
    }
    for (let piece = await reader.read(); piece !== null; piece = await reader.read()) {
      options.signal?.throwIfAborted()
      const bytes = piece
      await attempt(path, () => writeAt(part, bytes, received.done))
      received.hash.update(bytes)
      received.done += bytes.byteLength
      onProgress?.(received.done, version.size)
      if (received.done > (version.size ?? received.done)) return
    }
  } finally {
    await reader.cancel()
  }
  if (version.size === null || received.done === version.size) return
  const what = `expected ${version.size} bytes, ${received.done} came. Try again: the download is continued.`
  throw new FormatError("source-short-read", what, { source: label })
}

async function restart(part: PartFile, path: string, received: Received): Promise<void> {
  await attempt(path, () => part.handle.truncate(0))
  received.hash = createHash("sha256")
  received.done = 0
}

function problemOf({ size, sha256 }: Downloaded, version: RemoteVersion): string | null {
  if (version.size !== null && size !== version.size) return `expected ${version.size} bytes, ${size} came.`
  if (version.sha256 === null || sha256 === version.sha256) return null
  return `expected the SHA-256 ${version.sha256}, that of the bytes is ${sha256}.`
}

/** Reads what a part holds. */
async function takePart({ handle }: PartFile, received: Received): Promise<void> {
  const bytes = new Uint8Array(HASHED_BYTES)
  for (;;) {
    const { bytesRead } = await handle.read(bytes, 0, bytes.byteLength, received.done)
    if (bytesRead === 0) return
    received.hash.update(bytes.subarray(0, bytesRead))
    received.done += bytesRead
  }
}

async function writeAt({ handle }: PartFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.byteLength; ) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.byteLength - written, position + written)
    written += bytesWritten
  }
}

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  return work().catch((cause: unknown) => {
    throw fileError("write", path, cause)
  })
}
