import { readdir } from "node:fs/promises"
import { extname, join, parse } from "node:path"
import { IMAGE_EXTENSIONS, isReadImage, isUnreadImage } from "@lllite/core/image"
import { fileError } from "../errors.ts"

/** The files of a folder. Names are in the order of code points, which is sd-scripts' and the same everywhere. */
export interface PictureFolder {
  readonly path: string
  /** Names of the pictures that can be read. */
  readonly names: readonly string[]
  /** Names of pictures in other formats. */
  readonly unread: readonly string[]
  /** The number of pictures whose names begin with a dot. */
  readonly hidden: number
  /** Folders in it that hold pictures, with their number. */
  readonly folders: ReadonlyMap<string, number>
  /** The name of a file as the folder has it: exactly, or by the same letters in Unicode. Null: there is none. */
  find(name: string): string | null
}

/** Lists a folder. Names that begin with a dot are passed over. They are hidden, or macOS' notes beside other files. */
export async function readPictureFolder(path: string): Promise<PictureFolder> {
  const all = await readEntries(path)
  const entries = all.filter(isVisible)
  const files = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name)
  const folders = new Map<string, number>()
  for (const { name } of entries.filter((entry) => entry.isDirectory() && entry.name !== "__MACOSX")) {
    const inside = await readEntries(join(path, name)).catch(() => [])
    const count = inside.filter(
      (entry) => isVisible(entry) && !entry.isDirectory() && isReadImage(extname(entry.name)),
    ).length
    if (count > 0) folders.set(name, count)
  }
  const exact = new Set(files)
  const composed = new Map(files.toReversed().map((name) => [name.normalize("NFC"), name]))
  return {
    path,
    names: files.filter((name) => isReadImage(extname(name))).sort(),
    unread: files.filter((name) => isUnreadImage(extname(name))).sort(),
    hidden: all.filter((entry) => !isVisible(entry) && isReadImage(extname(entry.name))).length,
    folders,
    find: (name) => (exact.has(name) ? name : (composed.get(name.normalize("NFC")) ?? null)),
  }
}

/** A sentence for a folder without pictures. It names the folders in it that hold some. */
export function describeEmpty({ path, folders, hidden }: PictureFolder, word: string): string {
  const [first] = folders
  if (first === undefined) {
    const aside = hidden === 0 ? "" : `. Names that begin with a dot are passed over: ${hidden} of them`
    return `"${path}" has no ${word}, expected files with the extension ${IMAGE_EXTENSIONS.join(", ")}${aside}`
  }
  const [name, count] = first
  const pictures = count === 1 ? "one" : String(count)
  const more =
    folders.size > 1 ? ` ${folders.size - 1} more of its folders hold some. Each is a subset of its own.` : ""
  // The layout of LoRA training: "10_ring" shows each picture ten times.
  const repeats = /^(\d+)_/.exec(name)?.[1]
  const advice = repeats === undefined ? "" : `, and ${Number(repeats)} as num_repeats`
  return `"${path}" itself has no ${word}, but its folder "${name}" has ${pictures}. Give "${join(path, name)}"${advice}.${more}`
}

/** A picture's name without its ending. Names that look the same are the same. */
export function stemOf(name: string): string {
  return parse(name).name
}

function isVisible({ name }: { readonly name: string }): boolean {
  return !name.startsWith(".")
}

async function readEntries(path: string) {
  return readdir(path, { withFileTypes: true }).catch((cause: unknown) => {
    throw fileError("read the folder", path, cause)
  })
}
