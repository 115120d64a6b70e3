import { PageError, sentence } from "../language/sentence.ts"

/**
 * The bytes of a file that was dropped or picked.
 *
 * @param name how messages name it. Null: they do not
 * @throws PageError for a folder, and for a file that has changed or is not there any more
 */
export async function readBytes(file: Blob, name: string | null): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await file.arrayBuffer())
  } catch (cause) {
    throw new PageError(sentence("page", "unreadable", name), { cause })
  }
}
