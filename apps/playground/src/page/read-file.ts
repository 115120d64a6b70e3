/**
 * The bytes of a file that was dropped or picked.
 *
 * @param name how messages name it
 * @throws Error for a folder, and for a file that has changed or is not there any more
 */
export async function readBytes(file: Blob, name: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await file.arrayBuffer())
  } catch (cause) {
    throw new Error(unreadable(name), { cause })
  }
}

/** What a browser's error means when it does not give the bytes of a file. */
export function unreadable(name: string): string {
  return `${name} cannot be read. It is a folder, or it has changed since it was opened. Open a file, or open it again.`
}
