import { dirname, join } from "node:path"
import type { SafetensorsFile } from "@lllite/format"
import { openSafetensors, safeText } from "@lllite/format"
import type { ShardedSafetensors } from "@lllite/format/sharded"
import { InputError } from "../errors.ts"
import { isOffline } from "./hub-environment.ts"
import { openPath, type PathOptions } from "./path-source.ts"
import { findRemote, type LocationOptions, parseLocation } from "./remote-location.ts"

/** A file that was opened on disk or on the web, or a checkpoint in several files. Close it when done. */
export interface OpenLocation {
  readonly file: SafetensorsFile | ShardedSafetensors
  readonly close: () => Promise<void>
}

/**
 * Opens a safetensors file by the text that names it:
 *
 * - A path of a file or of a `*.safetensors.index.json`.
 *
 * - An address of one of these, which begins with https:// or http://. A page of the Hugging Face Hub stands for its
 *   file.
 *
 * - `owner/name[@revision][:file]` on the Hub, if no such path exists. With `hf:` before it, paths are not tried.
 *
 * HF_ENDPOINT names the Hub, and HF_TOKEN the token for it. With HF_HUB_OFFLINE, paths alone are read.
 *
 * @throws InputError when a path cannot be read, `offline`; FormatError as `openSafetensors`, `fromUrl`, `openSharded`
 */
export async function openLocation(
  text: string,
  { environment = process.env, signal }: LocationOptions = {},
): Promise<OpenLocation> {
  if (isOffline(environment) && (await parseLocation(text, { environment })) !== null) {
    throw new InputError(
      "offline",
      `"${safeText(text.replace(/[?#].*$/s, ""))}" is on the web, and nothing is read there now. Leave out HF_HUB_OFFLINE, or give a file on disk.`,
    )
  }
  const remote = await findRemote(text, { environment, ...(signal === undefined ? {} : { signal }) })
  if (remote === null) return openFile(text, { signal })
  const { fromUrl } = await import("@lllite/format/remote")
  const { url, headers } = remote
  return openUrl(url, (each) => fromUrl(each, { headers, ...(signal === undefined ? {} : { signal }) }))
}

type Opened = Awaited<ReturnType<typeof openPath>>

async function openUrl(url: string, open: (url: string) => Promise<Opened>): Promise<OpenLocation> {
  if (!URL.canParse(url) || !isIndex(new URL(url).pathname)) return openWhole(await open(url))
  return openIndex(await open(url), (name) => open(new URL(encodeURIComponent(name), url).href))
}

/**
 * Opens a safetensors file on disk, or a checkpoint by the index of its files.
 *
 * @throws InputError when it cannot be read; FormatError as `openSafetensors`, `openSharded`
 */
export async function openFile(path: string, options: PathOptions = {}): Promise<OpenLocation> {
  const source = await openPath(path, options)
  if (!isIndex(path)) return openWhole(source)
  return openIndex(source, (name) => openPath(join(dirname(path), name), options))
}

/** Whether a path is that of the index of a checkpoint in several files. */
export function isIndex(path: string): boolean {
  // Diffusers writes the name of a variant into it: "model.safetensors.index.fp16.json".
  return /\.index(\.[\w-]+)?\.json$/i.test(path)
}

async function openWhole(source: Opened): Promise<OpenLocation> {
  try {
    return { file: await openSafetensors(source), close: () => source.close() }
  } catch (error) {
    await source.close()
    throw error
  }
}

async function openIndex(source: Opened, openShard: (name: string) => Promise<Opened>): Promise<OpenLocation> {
  const { openSharded } = await import("@lllite/format/sharded")
  const opened: Opened[] = [source]
  const close = async (): Promise<void> => {
    for (const each of opened) await each.close()
  }
  try {
    const file = await openSharded(source, async (name) => {
      const shard = await openShard(name)
      opened.push(shard)
      return shard
    })
    return { file, close }
  } catch (error) {
    await close()
    throw error
  }
}
