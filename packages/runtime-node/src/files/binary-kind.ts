/** First bytes of files that are not text. */
const SIGNATURES: readonly (readonly [kind: string, test: (bytes: Uint8Array, head: string) => boolean])[] = [
  ["a PNG picture", (_, head) => head.startsWith("\x89PNG")],
  ["a JPEG picture", (_, head) => head.startsWith("\xff\xd8\xff")],
  ["a GIF picture", (_, head) => head.startsWith("GIF8")],
  ["a WebP picture", (_, head) => head.startsWith("RIFF") && head.slice(8, 12) === "WEBP"],
  ["a pickle of PyTorch or a ZIP file", (_, head) => head.startsWith("PK\x03\x04")],
  ["a pickle of PyTorch", ([first, second = 0]) => first === 0x80 && second >= 2 && second <= 5],
  ["a gzip file", (_, head) => head.startsWith("\x1f\x8b")],
  ["a GGUF file", (_, head) => head.startsWith("GGUF")],
  ["a safetensors file", (_, head) => head.slice(3, 8) === "\0\0\0\0\0" && head[8] === "{"],
]

/** What a file is that is not text, by its first bytes. Null: they are of none that is known. */
export function binaryKind(bytes: Uint8Array): string | null {
  const head = Buffer.from(bytes.subarray(0, 16)).toString("latin1")
  return SIGNATURES.find(([, test]) => test(bytes, head))?.[0] ?? null
}
