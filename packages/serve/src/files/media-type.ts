import { open } from "node:fs/promises"

/** Bytes in Latin-1, each with its place in the file, and the type that they mean. */
const SIGNATURES: readonly (readonly [text: string, at: number, type: string])[] = [
  ["PNG\r\n", 1, "image/png"],
  ["\u00ff\u00d8\u00ff", 0, "image/jpeg"],
  ["WEBP", 8, "image/webp"],
  ["GIF8", 0, "image/gif"],
  ["{", 0, "application/json"],
]

/** The media type of a file, by its first bytes. A file of another kind is only ever offered for saving. */
export async function mediaType(path: string): Promise<string> {
  const handle = await open(path, "r")
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(16), 0, 16, 0)
    const text = buffer.subarray(0, bytesRead).toString("latin1")
    return SIGNATURES.find(([signature, at]) => text.startsWith(signature, at))?.[2] ?? "application/octet-stream"
  } finally {
    await handle.close()
  }
}
