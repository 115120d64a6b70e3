import { checkArgument, listText } from "@lllite/core/names"
import { InputError } from "../errors.ts"
import { binaryKind } from "./binary-kind.ts"
import { readSmallFile } from "./regular-file.ts"

/** The longest text that people write for this program. A caption counts for its first 75 tokens or some chunks of them. */
export const MOST_TEXT_BYTES = 4 * 2 ** 20

/**
 * Reads a text file that people wrote: a caption, a list of prompts, a file of options. See {@link decodeText}.
 *
 * @throws InputError when it cannot be read, has over 4 MiB, or when its encoding is unknown
 */
export async function readTextFile(path: string): Promise<string> {
  return decodeText(await readSmallFile(path, MOST_TEXT_BYTES, "a text"), path)
}

/**
 * Decodes a text that people wrote. It is UTF-8, or UTF-16 with a byte order mark, which editors of Windows write. The
 * mark is not a part of the text. Other encodings do not say which one they are. A guess could change letters without a notice.
 *
 * @param path names the text in errors
 * @throws InputError `text-encoding` for other encodings
 */
export function decodeText(bytes: Uint8Array, path: string): string {
  checkArgument(`cannot read "${path}": what it holds`, bytes, "an object")
  const [first, second] = bytes
  const encoding =
    first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : null
  let text: string
  try {
    text = new TextDecoder(encoding ?? "utf-8", { fatal: true }).decode(bytes)
  } catch (cause) {
    const kind = encoding === null ? binaryKind(bytes) : null
    if (kind !== null) {
      throw new InputError("text-encoding", `cannot read "${path}": it is ${kind}, expected a text. Check the path.`, {
        cause,
      })
    }
    const what =
      encoding === null ? `it is not UTF-8 text. ${likelyEncodings(bytes)}` : "it begins as UTF-16 text and is damaged."
    throw new InputError("text-encoding", `cannot read "${path}": ${what} Save it as UTF-8.`, { cause })
  }
  // Bytes of UTF-16 without a mark are valid UTF-8, with a NUL beside every Latin letter.
  if (text.includes("\0")) {
    throw new InputError(
      "text-encoding",
      `cannot read "${path}": it contains NUL characters. It may be UTF-16 without a byte order mark. Save it as UTF-8.`,
    )
  }
  return text
}

/** Encodings that editors write in several countries, and their usual names. */
const ENCODINGS = [
  ["gbk", "GBK"],
  ["shift_jis", "Shift_JIS"],
  ["euc-kr", "EUC-KR"],
  ["big5", "Big5"],
] as const

/** The line of the first bytes that are not UTF-8, and the encodings that the text may have, as a sentence. */
function likelyEncodings(bytes: Uint8Array): string {
  const [before = ""] = new TextDecoder("utf-8").decode(bytes).split("\ufffd")
  const fitting = ENCODINGS.filter(([encoding]) => isIn(bytes, encoding)).map(([, name]) => name)
  // Windows-1252 has a letter for every byte, so it always fits.
  const list = listText([...fitting, "Windows-1252"], "or")
  return `The first other bytes are in line ${before.split("\n").length}. It may be ${list}.`
}

function isIn(bytes: Uint8Array, encoding: string): boolean {
  try {
    new TextDecoder(encoding, { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}
