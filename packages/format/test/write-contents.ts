import type { SafetensorsContents } from "../src/edit/contents.ts"
import { safetensorsChunks } from "../src/write/index.ts"

/** A file that an editing function gave, in memory. */
export async function written({ tensors, metadata }: SafetensorsContents): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  for await (const chunk of safetensorsChunks(tensors, metadata)) chunks.push(chunk)
  return new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer())
}
