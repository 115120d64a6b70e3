/** A safetensors file as its parts say, right or wrong: nothing is checked or padded. */
export function rawFile(header: string | Uint8Array, dataBytes = 0, announcedLength?: bigint): Uint8Array {
  const json = typeof header === "string" ? new TextEncoder().encode(header) : header
  const file = new Uint8Array(8 + json.byteLength + dataBytes)
  new DataView(file.buffer).setBigUint64(0, announcedLength ?? BigInt(json.byteLength), true)
  file.set(json, 8)
  return file
}

/** Bytes of text, with `\xNN` in place of single bytes that are not UTF-8. */
export function bytesOf(text: string): Uint8Array {
  const parts = text.split(/\\x([0-9a-f]{2})/)
  const encoder = new TextEncoder()
  const chunks = parts.map((part, i) =>
    i % 2 === 1 ? new Uint8Array([Number.parseInt(part, 16)]) : encoder.encode(part),
  )
  const bytes = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.byteLength, 0))
  let end = 0
  for (const chunk of chunks) {
    bytes.set(chunk, end)
    end += chunk.byteLength
  }
  return bytes
}
