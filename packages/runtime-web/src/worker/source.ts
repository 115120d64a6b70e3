import type { LoadProgress } from "@lllite/core/runtime"
import type { ByteSource } from "@lllite/format"
import { fromBlob } from "@lllite/format"
import { fromUrl, resolveHubFile } from "@lllite/format/remote"
import { canStore, openStored } from "../stored-files.ts"
import type { SentSource } from "../types.ts"
import type { DownloadTarget } from "./download.ts"
import { download } from "./download.ts"
import { downloadToStore } from "./store.ts"

/**
 * Opens a file. A file at an address is downloaded first. Without a private file system the download is kept in memory.
 *
 * @throws WebRuntimeError when it cannot be read or downloaded
 */
export async function* openSource(
  source: SentSource,
  signal: AbortSignal,
): AsyncGenerator<LoadProgress, ByteSource, void> {
  if (source.kind === "blob") return fromBlob(source.blob, source.label)
  if (source.kind === "stored") return fromBlob(await openStored(source.name))
  const { url, keep } = await addressOf(source, signal)
  const label = url.replace(/[?#].*$/s, "")
  const chunks = memoryTarget()
  const work = keep && canStore() ? downloadToStore(url, signal) : download(url, chunks, { signal })
  for (;;) {
    const next = await work.next()
    if (next.done === true) return fromBlob(next.value instanceof Blob ? next.value : chunks.toBlob(), label)
    yield { kind: "download", ...next.value }
  }
}

/**
 * Opens a file to read its header alone. Of a file at an address only those bytes are downloaded.
 *
 * @throws as `openSource`, and FormatError for a server that cannot be read
 */
export async function openHeader(
  source: SentSource,
  signal: AbortSignal,
): Promise<{ readonly file: ByteSource; close(): Promise<void> }> {
  if (source.kind === "blob") return { file: fromBlob(source.blob, source.label), close: async () => {} }
  if (source.kind === "stored") return { file: fromBlob(await openStored(source.name)), close: async () => {} }
  const file = await fromUrl((await addressOf(source, signal)).url, { signal })
  return { file, close: file.close }
}

type RemoteSource = Extract<SentSource, { readonly kind: "url" | "hub" }>

async function addressOf(
  source: RemoteSource,
  signal: AbortSignal,
): Promise<{ readonly url: string; readonly keep: boolean }> {
  if (source.kind === "url") return source
  return { url: (await resolveHubFile(source.reference, { signal })).url, keep: true }
}

/** Keeps the received chunks without joining them. */
function memoryTarget(): DownloadTarget & { toBlob(): Blob } {
  let parts: Uint8Array[] = []
  let size = 0
  return {
    get size() {
      return size
    },
    write(bytes, at) {
      if (at !== size) throw new RangeError(`download: received bytes for ${at}, expected ${size}`)
      parts.push(bytes)
      size += bytes.byteLength
    },
    truncate(to) {
      if (to === size) return
      // A download continues at its end or starts again.
      if (to !== 0) throw new RangeError(`download: cannot go back to byte ${to} of ${size}`)
      parts = []
      size = 0
    },
    toBlob: () => new Blob(parts as Uint8Array<ArrayBuffer>[]),
  }
}
