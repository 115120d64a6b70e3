import { InputError } from "../errors.ts"
import { decodeText, MOST_TEXT_BYTES } from "../files/read-text.ts"
import { readSmallFile } from "../files/regular-file.ts"

/** The text of a file of settings. */
export interface SettingsText {
  readonly text: string
  /** What was done to read it, one sentence each. */
  readonly notices: readonly string[]
}

/**
 * Reads a text file of settings. See `decodeText` for its encoding.
 *
 * @throws InputError when the file cannot be read, has over 4 MiB, is not text, or has another encoding
 */
export async function readSettingsText(path: string): Promise<SettingsText> {
  const bytes = await readSmallFile(path, MOST_TEXT_BYTES, "a file of settings", (head) => {
    const kind = binaryKind(head)
    if (kind === null) return
    throw new InputError("config-kind", `"${path}" is ${kind}, expected a text file of settings. Check the path.`)
  })
  const [first, second] = bytes
  const isWide = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
  const notice = `"${path}" is UTF-16 text, and is read as such. Other programs may expect UTF-8.`
  return { text: decodeText(bytes, path), notices: isWide ? [notice] : [] }
}

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

function binaryKind(bytes: Uint8Array): string | null {
  const head = Buffer.from(bytes.subarray(0, 16)).toString("latin1")
  return SIGNATURES.find(([, test]) => test(bytes, head))?.[0] ?? null
}
