import { listText } from "@lllite/core/names"
import { safeText } from "@lllite/format"
import { type CachedFile, downloadFolder, listDownloads, purgeDownloads } from "@lllite/runtime-node/files"
import { plural, printable, sizeText, table } from "../terminal/text.ts"

/** Lists the cache of downloads, or removes files of it. @param words of the files to remove; null to list */
export async function runCache(words: readonly string[] | null, json: boolean): Promise<string> {
  const folder = downloadFolder()
  const files = words === null ? await listDownloads() : await purgeDownloads(words)
  if (json) return JSON.stringify({ folder, [words === null ? "files" : "removed"]: files }, null, 2)
  const total = sizeText(files.reduce((sum, { size }) => sum + size, 0))
  const place = printable(folder)
  if (words !== null && words.length > 0 && files.length === 0) {
    return `Removed no file of ${place}: no address has ${printable(safeText(listText(words, "or")))} in it. Type: lllite cache list`
  }
  if (words !== null) return `Removed ${plural(files.length, "file")} (${total}) of ${place}`
  return [...(files.length === 0 ? [] : [rows(files)]), `${plural(files.length, "file")} (${total}) in ${place}`].join(
    "\n",
  )
}

function rows(files: readonly CachedFile[]): string {
  return table(
    files.map(({ path, size, address, downloaded }) => [
      sizeText(size),
      downloaded?.slice(0, 10) ?? "unfinished",
      printable(address ?? path),
    ]),
  )
}
