import { InputError } from "../errors.ts"
import { binaryKind } from "../files/binary-kind.ts"
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
