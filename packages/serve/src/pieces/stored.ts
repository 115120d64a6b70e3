import { createHash } from "node:crypto"
import type { PieceResult } from "./piece.ts"
import { readPieceResult } from "./piece.ts"
import type { Store } from "./store/store.ts"

/** The SHA-256 of bytes, as hexadecimal digits. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex")
}

/** Folders of a thousand names are slow to list, so that names are spread over 256. */
function contentName(sha256: string): string {
  return `contents/${sha256.slice(0, 2)}/${sha256}`
}

function resultName(key: string): string {
  return `results/${key.slice(0, 2)}/${key}.json`
}

/** Puts bytes into a store by their SHA-256, if they are not there yet. */
export async function keepContent(store: Store, sha256: string, read: () => Promise<Uint8Array>): Promise<void> {
  const name = contentName(sha256)
  if (!(await store.has(name))) await store.write(name, await read())
}

/** Bytes by their SHA-256. Null: they are not there. Those that are damaged are removed, since they would stay for ever. */
export async function readContent(store: Store, sha256: string): Promise<Uint8Array | null> {
  const bytes = await store.read(contentName(sha256))
  if (bytes === null || sha256Of(bytes) === sha256) return bytes
  await store.remove(contentName(sha256))
  return null
}

/** Keeps what a piece has made: its files first, so that a result is whole. */
export async function keepResult(
  store: Store,
  key: string,
  files: readonly Uint8Array[],
  facts: unknown,
): Promise<PieceResult> {
  const kept: PieceResult["files"][number][] = []
  for (const bytes of files) {
    const sha256 = sha256Of(bytes)
    await keepContent(store, sha256, async () => bytes)
    kept.push({ sha256, size: bytes.length })
  }
  const result = { files: kept, facts }
  await store.write(resultName(key), new TextEncoder().encode(`${JSON.stringify(result)}\n`))
  return result
}

/** The result of a piece. Null: it is not there, or a file of it is not. */
export async function findResult(store: Store, key: string): Promise<PieceResult | null> {
  const bytes = await store.read(resultName(key))
  const result = bytes === null ? null : readPieceResult(new TextDecoder().decode(bytes))
  if (result === null) return null
  const there = await Promise.all(result.files.map(({ sha256 }) => store.has(contentName(sha256))))
  return there.every(Boolean) ? result : null
}
