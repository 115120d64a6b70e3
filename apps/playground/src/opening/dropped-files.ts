import { PageError, sentence } from "../language/sentence.ts"

/** A file with its path in what was dropped or picked: `folder/picture.png`, or its name alone. */
export interface PlacedFile {
  readonly path: string
  readonly file: File
}

/** Files of a `<input type=file>`, with folders if it picks a folder. */
export function pickedFiles(files: readonly File[]): readonly PlacedFile[] {
  return files.map((file) => ({ path: file.webkitRelativePath || file.name, file }))
}

/**
 * All files of a drop, those in folders included. Call it in the event's handler: afterwards the browser gives nothing.
 *
 * @throws PageError that names a folder or a file that cannot be read
 */
export function droppedFiles(transfer: DataTransfer): Promise<readonly PlacedFile[]> {
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry?.() ?? [])
  // A script that makes a drop gives files without entries.
  if (entries.length === 0) return Promise.resolve(pickedFiles([...transfer.files]))
  return allFiles(entries)
}

async function allFiles(entries: readonly FileSystemEntry[]): Promise<readonly PlacedFile[]> {
  const found: PlacedFile[] = []
  for (const entry of entries) {
    const path = entry.fullPath.replace(/^\//, "") || entry.name
    if (isFile(entry)) {
      found.push({ path, file: await settled(path, (resolve, reject) => entry.file(resolve, reject)) })
    } else if (isFolder(entry)) found.push(...(await allFiles(await entriesOf(entry, path))))
  }
  return found
}

/** The entries of a folder. A reader gives them in parts, and nothing at the end. */
async function entriesOf(folder: FileSystemDirectoryEntry, path: string): Promise<readonly FileSystemEntry[]> {
  const reader = folder.createReader()
  const all: FileSystemEntry[] = []
  for (;;) {
    const part = await settled<FileSystemEntry[]>(path, (resolve, reject) => reader.readEntries(resolve, reject))
    if (part.length === 0) return all
    all.push(...part)
  }
}

function settled<T>(
  path: string,
  call: (resolve: (value: T) => void, reject: (error: DOMException) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    call(resolve, ({ name, message }) =>
      reject(
        new PageError(sentence("pictures", "entryUnreadable", path, { kind: "failure", code: name, english: message })),
      ),
    )
  })
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory
}
