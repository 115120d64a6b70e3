import { readdir, readFile, realpath, stat } from "node:fs/promises"
import { basename, join, sep } from "node:path"
import type { HubReference } from "@lllite/format/remote"
import type { Environment } from "../hub-environment.ts"
import { hubCacheFolder } from "../hub-environment.ts"

/* Files that huggingface_hub has downloaded. They are read, and never changed. Source: huggingface_hub, `file_download.py`. */

/** The folder of a repository. */
function repositoryFolder({ repo }: Pick<HubReference, "repo">, environment: Environment): string {
  return join(hubCacheFolder(environment), `models--${repo.replace("/", "--")}`)
}

/**
 * The file of this version in huggingface_hub's cache. Null: it is not there.
 *
 * @param version what the Hub says of the file: its tag is the name of the file's bytes
 */
export async function hubCached(
  reference: HubReference & { readonly file: string },
  version: { readonly tag: string | null; readonly size: number | null },
  environment: Environment,
): Promise<string | null> {
  const { tag, size } = version
  if (tag === null || !/^[\w.-]+$/.test(tag)) return null
  for (const path of await snapshotsOf(reference, environment)) {
    const bytes = await realpath(path).catch(() => "")
    if (basename(bytes) !== tag || (size !== null && (await sizeOf(bytes)) !== size)) continue
    return path
  }
  return null
}

/** A file of any version in huggingface_hub's cache. Null: there is none, so that no request is needed. */
export async function hubCachedAny(
  reference: HubReference & { readonly file: string },
  environment: Environment,
): Promise<string | null> {
  return (await snapshotsOf(reference, environment))[0] ?? null
}

/** The file that a branch or a commit names in huggingface_hub's cache, without a request. Null: it is not there. */
export async function hubCachedOffline(reference: HubReference, environment: Environment): Promise<string | null> {
  const folder = repositoryFolder(reference, environment)
  const { revision } = reference
  const isInside = !revision.split(/[/\\]/).includes("..")
  const named = isInside ? await readFile(join(folder, "refs", revision), "utf8").catch(() => revision) : ""
  const commit = named.trim()
  if (!/^[\w.-]+$/.test(commit) || commit.includes("..")) return null
  const snapshot = join(folder, "snapshots", commit)
  if (reference.file !== null) return existing(join(snapshot, reference.file), snapshot)
  const names = await readdir(snapshot, { recursive: true }).catch(() => [])
  const indexes = names.filter((name) => name.endsWith(".safetensors.index.json"))
  const files = indexes.length > 0 ? indexes : names.filter((name) => name.endsWith(".safetensors"))
  const [only] = files
  return only === undefined || files.length > 1 ? null : existing(join(snapshot, only), snapshot)
}

/** The places of a file in all snapshots of its repository. */
async function snapshotsOf(
  reference: HubReference & { readonly file: string },
  environment: Environment,
): Promise<readonly string[]> {
  const folder = join(repositoryFolder(reference, environment), "snapshots")
  const commits = await readdir(folder).catch(() => [])
  const paths = await Promise.all(commits.map((commit) => existing(join(folder, commit, reference.file), folder)))
  return paths.filter((path) => path !== null)
}

/** A path that lies in a folder, if there is a file. */
async function existing(path: string, folder: string): Promise<string | null> {
  return path.startsWith(folder + sep) && (await sizeOf(path)) !== null ? path : null
}

async function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    (found) => (found.isFile() ? found.size : null),
    () => null,
  )
}
