import { FormatError } from "../errors.ts"

/** Bytes to look at before deciding what a file is that is no safetensors file. */
export const SNIFF_BYTES = 16

interface ForeignFormat {
  readonly what: string
  readonly advice: string
  /** Whether opening it the usual way would run code from the file. */
  readonly pickle?: true
  readonly matches: (first: Uint8Array, text: string) => boolean
}

const CONVERT = "Convert it to safetensors in a place you trust, then open that."

const FOREIGN_FORMATS: readonly ForeignFormat[] = [
  {
    what: "a zip archive, as PyTorch writes .pt, .pth and .ckpt files",
    advice: `Such a file can run code when it is loaded, so it is never opened here. ${CONVERT}`,
    pickle: true,
    matches: (_, text) => text.startsWith("PK\x03\x04"),
  },
  {
    what: "a Python pickle, as older .pt, .pth and .ckpt files are",
    advice: `Such a file can run code when it is loaded, so it is never opened here. ${CONVERT}`,
    pickle: true,
    matches: (first) => first[0] === 0x80 && (first[1] ?? 0) >= 2 && (first[1] ?? 0) <= 5,
  },
  {
    what: "a Git LFS pointer, not the file it stands for",
    advice: "Fetch the file itself, for example with `git lfs pull`.",
    matches: (_, text) => text.startsWith("version https:/"),
  },
  {
    what: "a web page",
    advice: "The download probably needs a login or a direct link; download the file itself.",
    matches: (_, text) => /^\s*<(!doctype|html|head|\?xml)/i.test(text),
  },
  {
    what: "a GGUF file",
    advice: "Only safetensors files are read.",
    matches: (_, text) => text.startsWith("GGUF"),
  },
  {
    what: "an HDF5 file",
    advice: "Only safetensors files are read.",
    matches: (_, text) => text.startsWith("\x89HDF"),
  },
  {
    what: "a gzip archive",
    advice: "Unpack it first.",
    matches: (first) => first[0] === 0x1f && first[1] === 0x8b,
  },
  {
    what: "a PNG image",
    advice: "Give it as a control image; the adapter is a .safetensors file.",
    matches: (_, text) => text.startsWith("\x89PNG"),
  },
  {
    what: "a JPEG image",
    advice: "Give it as a control image; the adapter is a .safetensors file.",
    matches: (first) => first[0] === 0xff && first[1] === 0xd8 && first[2] === 0xff,
  },
  {
    what: "JSON text without the eight bytes of length before it",
    advice: "Give the .safetensors file rather than an index or config beside it.",
    matches: (_, text) => /^\s*\{\s*"/.test(text),
  },
]

/**
 * Names what a file is that failed as safetensors, from its first {@link SNIFF_BYTES} bytes, or undefined. Asked only
 * after a failure: a good file's length may begin with any of these bytes.
 */
export function foreignFormatError(first: Uint8Array, label: string, cause: unknown): FormatError | undefined {
  const head = first.subarray(0, SNIFF_BYTES)
  const text = String.fromCharCode(...head)
  const found = FOREIGN_FORMATS.find((format) => format.matches(head, text))
  if (found === undefined) return undefined
  return new FormatError(
    found.pickle ? "pickle" : "not-safetensors",
    `expected a safetensors file, this is ${found.what}. ${found.advice}`,
    { source: label, cause },
  )
}
