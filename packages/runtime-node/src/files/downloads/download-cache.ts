import { createHash } from "node:crypto"
import { readdir, readFile, rm, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { InputError } from "../../errors.ts"
import { writeAtomically } from "../atomic-write.ts"
import { cacheFolder } from "../cache-folder.ts"
import { isPart } from "./part-file.ts"

/** A file in the cache of downloads. */
export interface CachedFile {
  readonly path: string
  /** Where it comes from, without a query, user name or password. Null for a part that a process has left or writes. */
  readonly address: string | null
  /** Bytes on the disk. */
  readonly size: number
  readonly sha256: string | null
  /** Its ETag or date, as the server gave it. */
  readonly tag: string | null
  /** When it was downloaded, in ISO 8601. */
  readonly downloaded: string | null
}

/** What stands beside each complete file. */
type Download = Pick<CachedFile, "address" | "size" | "sha256" | "tag" | "downloaded">

const RECORD = ".download.json"

/** The folder of downloads. See {@link cacheFolder}. */
export function downloadFolder(...where: Parameters<typeof cacheFolder>): string {
  return join(cacheFolder(...where), "downloads")
}

/** The folder of all versions of the file at an address. */
export function addressFolder(folder: string, url: string): string {
  return join(folder, shortHash(url))
}

/** The folder of one version. */
export function versionFolder(folder: string, url: string, tag: string | null): string {
  return join(addressFolder(folder, url), shortHash(tag ?? ""))
}

/** The complete file at a path of the cache. Null if it is not there, or damaged. */
export async function readCached(path: string): Promise<CachedFile | null> {
  try {
    const record = JSON.parse(await readFile(path + RECORD, "utf8")) as Download
    const { size } = await stat(path)
    return size === record.size ? { ...record, path } : null
  } catch {
    return null
  }
}

/** Records that the file at a path is complete. */
export async function recordDownload(path: string, record: Download): Promise<void> {
  await writeAtomically(path + RECORD, `${JSON.stringify(record)}\n`)
}

/** All files of the cache, parts as well, by their path. */
export async function listDownloads(folder: string = downloadFolder()): Promise<readonly CachedFile[]> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const files: CachedFile[] = []
  for (const entry of names) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile() || path.endsWith(RECORD)) continue
    const found = isPart(path) ? null : await readCached(path)
    const size = found?.size ?? (await stat(path).catch(() => null))?.size ?? 0
    files.push(found ?? { path, size, address: null, sha256: null, tag: null, downloaded: null })
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/**
 * Removes files of the cache.
 *
 * @param words parts of addresses or file names. Without one, all files
 * @returns the removed files
 * @throws InputError for an empty word, which every address has
 */
export async function purgeDownloads(
  words: readonly string[] = [],
  folder: string = downloadFolder(),
): Promise<readonly CachedFile[]> {
  if (words.includes("")) {
    throw new InputError(
      "address",
      "cache: a word is empty, expected a part of an address. For all files, give no word.",
    )
  }
  const isNamed = ({ address, path }: CachedFile): boolean =>
    words.length === 0 || words.some((word) => (address ?? basename(path)).includes(word))
  const removed = (await listDownloads(folder)).filter(isNamed)
  for (const { path } of removed) {
    // The record goes first: a file without one is not used.
    await rm(path + RECORD, { force: true })
    await rm(path, { force: true })
  }
  if (words.length === 0) await rm(folder, { recursive: true, force: true })
  return removed
}

/** The newest complete version of a file. */
export async function newestCached(folder: string, url: string): Promise<CachedFile | null> {
  const at = addressFolder(folder, url)
  const found = (await listDownloads(at)).filter(
    ({ path, address }) => address !== null && dirname(dirname(path)) === at,
  )
  return newest(found.filter(({ path }) => basename(path) === fileName(url)))
}

/** The file that was downloaded last. */
export function newest(files: readonly CachedFile[]): CachedFile | null {
  return files.reduce<CachedFile | null>(
    (last, each) => ((each.downloaded ?? "") > (last?.downloaded ?? "") ? each : last),
    null,
  )
}

/** The name that a download of an address has: the last part of its path, in signs that every system takes. */
export function fileName(url: string): string {
  const last = new URL(url).pathname.split("/").findLast((part) => part !== "") ?? ""
  let name = last
  try {
    name = decodeURIComponent(last)
  } catch {
    // It is not UTF-8, so it stands for itself.
  }
  const safe = name.replaceAll(/[^\p{L}\p{N}._ -]/gu, "_").replace(/^[. ]+/, "")
  return [...safe].slice(-60).join("") || "file"
}

function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16)
}
