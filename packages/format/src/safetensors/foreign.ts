import { FormatError } from "../errors.ts"

/** The number of bytes that identify another format. */
export const SNIFF_BYTES = 16

const PICKLE = "It can run code when loaded, so it is never opened. Convert it to safetensors in a place you trust."
const OTHER = "Only safetensors files are read."
const IMAGE = "Give it as a control image."

// biome-ignore-start lint/suspicious/noControlCharactersInRegex: such files do begin with control characters
/** The first bytes of other formats, each byte a character; their names; and advice. */
const FOREIGN_FORMATS: readonly (readonly [beginning: RegExp, what: string, advice: string])[] = [
  [/^PK\x03\x04/, "a zip archive, as PyTorch writes .pt, .pth and .ckpt files", PICKLE],
  [/^\x80[\x02-\x05]/, "a Python pickle, as older .pt, .pth and .ckpt files are", PICKLE],
  [
    /^version https:\//,
    "a Git LFS pointer, not the file it stands for",
    "Fetch the file itself, for example with `git lfs pull`.",
  ],
  [/^\s*<(!doctype|html|head|\?xml)/i, "a web page", "The download probably needs a login or a direct link."],
  [/^GGUF/, "a GGUF file, whose weights are quantised", `${OTHER} Give the model in fp8 or float16.`],
  [/^\x89HDF/, "an HDF5 file", OTHER],
  [/^\x1f\x8b/, "a gzip archive", "Unpack it first."],
  [/^\x89PNG/, "a PNG image", IMAGE],
  [/^\xff\xd8\xff/, "a JPEG image", IMAGE],
  [/^\s*\{\s*"/, "JSON without the eight bytes of length before it", "Give the .safetensors file beside it."],
]
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: from here on as everywhere

/**
 * An error that names the format of a file that is not safetensors, from its first {@link SNIFF_BYTES} bytes, or
 * undefined. It is called only after a failure, because a good file's length may begin with any of these bytes.
 */
export function foreignFormatError(first: Uint8Array, label: string, cause: unknown): FormatError | undefined {
  const text = String.fromCharCode(...first.subarray(0, SNIFF_BYTES))
  const found = FOREIGN_FORMATS.find(([beginning]) => beginning.test(text))
  if (found === undefined) return undefined
  const [, what, advice] = found
  return new FormatError(
    advice === PICKLE ? "pickle" : "not-safetensors",
    `expected a safetensors file, this is ${what}. ${advice}`,
    { source: label, cause },
  )
}
