import { readFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { safeText } from "@lllite/format"
import { fileError, InputError } from "../../errors.ts"
import { isOffline } from "../hub-environment.ts"
import { makeFolder } from "../make-folder.ts"
import { isIndex } from "../open-location.ts"
import { findRemote, type LocationOptions, parseLocation, type RemoteFile } from "../remote-location.ts"
import { type AskOptions, askServer } from "./ask-server.ts"
import { download } from "./download.ts"
import {
  type CachedFile,
  downloadFolder,
  fileName,
  listDownloads,
  newest,
  newestCached,
  readCached,
  recordDownload,
  versionFolder,
} from "./download-cache.ts"
import { hubCached, hubCachedAny, hubCachedOffline } from "./hub-cache.ts"

/** Options of {@link localPath}. */
export interface LocalPathOptions extends LocationOptions, Omit<AskOptions, "signal"> {
  /** Whether only files of the cache are used. Default: what HF_HUB_OFFLINE says */
  readonly offline?: boolean
  /** The folder of downloads. Default: that of the user */
  readonly folder?: string
  /** Called for each piece of a download. @param size all bytes; null if the server does not say */
  readonly onProgress?: (address: string, done: number, size: number | null) => void
}

/** Whether a text names a file on the web, and is not a path. @throws InputError as `localPath` */
export async function isRemote(text: string, options: LocationOptions = {}): Promise<boolean> {
  return (await parseLocation(text, options)) !== null
}

/**
 * The local path of the file that a text names, as `openLocation` reads it. A file on the web is downloaded into the
 * cache, unless this version of it is there. A path is returned as it is.
 *
 * The cache has a folder for each address, and in it one for each version. Several processes may use it at once.
 *
 * @throws InputError `offline` for a file that is not in the cache; and as `findRemote` and `download`
 */
export async function localPath(text: string, options: LocalPathOptions = {}): Promise<string> {
  const { environment = process.env, folder = downloadFolder(environment) } = options
  if (options.offline ?? isOffline(environment)) return cachedPath(text, folder, options)
  const remote = await findRemote(text, options)
  if (remote === null) return text
  const place = await withHeaders(remote)
  const shared = await sharedPath(text, place, options)
  if (shared !== null) return shared
  const path = await fetchFile(place, null, folder, options)
  if (!isIndex(path)) return path
  // The files of an index lie beside it.
  for (const name of await shardNames(path)) {
    const url = new URL(encodeURIComponent(name), place.url).href
    await fetchFile({ ...place, url }, dirname(path), folder, options)
  }
  return path
}

/** The same file in huggingface_hub's cache. Null: it is not there, or the text does not name a file of a Hub. */
async function sharedPath(text: string, place: RemoteFile, options: LocalPathOptions): Promise<string | null> {
  const { environment = process.env } = options
  const location = await parseLocation(text, options)
  if (location?.kind !== "hub") return null
  const file = location.reference.file ?? decodeURIComponent(new URL(place.url).pathname.split("/").at(-1) ?? "")
  const reference = { ...location.reference, file }
  // Files of an index would have to be compared one by one.
  if (isIndex(file) || (await hubCachedAny(reference, environment)) === null) return null
  const { answer, ...version } = await askServer(place, labelOf(place.url), [0, 0], options)
  await answer.body?.cancel()
  return hubCached(reference, version, environment)
}

/** An address whose user name and password are a header. */
async function withHeaders({ url, headers }: RemoteFile): Promise<RemoteFile> {
  const { withoutCredentials } = await import("@lllite/format/remote")
  if (!URL.canParse(url)) {
    throw new InputError("address", `"${labelOf(url)}" is not an address. Check it.`)
  }
  const own = withoutCredentials(new URL(url))
  return { url: own.asked, headers: { ...own.headers, ...headers } }
}

/** An address as it may be shown: a query may hold a token. */
function labelOf(url: string): string {
  return safeText(url.replace(/[?#].*$/s, ""))
}

/** Gets one file. @param beside the folder that it lies in; null for the folder of its version */
async function fetchFile(
  remote: RemoteFile,
  beside: string | null,
  folder: string,
  { onProgress, ...options }: LocalPathOptions,
): Promise<string> {
  const { url } = remote
  const label = labelOf(url)
  const { answer, ...version } = await askServer(remote, label, [0, 0], options)
  await answer.body?.cancel()
  const path = join(beside ?? versionFolder(folder, url, version.tag), fileName(url))
  const cached = await readCached(path)
  const isSame = cached !== null && version.tag !== null && cached.tag === version.tag
  if (isSame && (version.size === null || cached.size === version.size)) return path
  await makeFolder(dirname(path)).catch((cause: unknown) => {
    throw fileError("write into", dirname(path), cause)
  })
  const done = await download(remote, label, path, version, {
    ...options,
    ...(onProgress === undefined ? {} : { onProgress: (bytes, size) => onProgress(label, bytes, size) }),
  })
  await recordDownload(path, { ...done, tag: version.tag, address: label, downloaded: new Date().toISOString() })
  return path
}

/** The names of the files of an index, each once. The index is checked when it is opened. */
async function shardNames(path: string): Promise<readonly string[]> {
  let index: unknown
  try {
    index = JSON.parse(await readFile(path, "utf8"))
  } catch {
    return []
  }
  const map: unknown = typeof index === "object" && index !== null && "weight_map" in index ? index.weight_map : null
  const names = typeof map === "object" && map !== null ? Object.values(map) : []
  const isName = (name: unknown): name is string => typeof name === "string" && /^[^/\\]+\.safetensors$/.test(name)
  return [...new Set(names.filter(isName))]
}

/** The path in the cache, without a request. */
async function cachedPath(text: string, folder: string, options: LocationOptions): Promise<string> {
  const location = await parseLocation(text, options)
  if (location === null) return text
  const shared =
    location.kind === "hub" ? await hubCachedOffline(location.reference, options.environment ?? process.env) : null
  let found: CachedFile | null
  if (location.kind === "hub" && location.reference.file === null) {
    const { repo, revision } = location.reference
    const { resolveHubFile } = await import("@lllite/format/remote")
    const { url } = await resolveHubFile({ repo, revision, file: "-" }, location.options)
    const start = labelOf(url.slice(0, -1))
    const own = (await listDownloads(folder)).filter(({ address }) => address?.startsWith(start) === true)
    const indexes = own.filter(({ path }) => isIndex(path))
    found = newest(indexes.length > 0 ? indexes : own)
  } else {
    const remote = await findRemote(text, options)
    found = remote === null ? null : await newestCached(folder, (await withHeaders(remote)).url)
  }
  if (found !== null) return found.path
  if (shared !== null) return shared
  throw new InputError(
    "offline",
    `"${labelOf(text)}" is not in the cache, and nothing is downloaded now. Leave out --offline or HF_HUB_OFFLINE.`,
  )
}
