import { stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import type { SafetensorsFile } from "@lllite/format"
import { openSafetensors } from "@lllite/format"
import type { HubOptions } from "@lllite/format/remote"
import type { ShardedSafetensors } from "@lllite/format/sharded"
import { InputError } from "../errors.ts"
import { openPath } from "./path-source.ts"

/** A file opened from wherever it lies, or a checkpoint in several files. Close it when done. */
export interface OpenLocation {
  readonly file: SafetensorsFile | ShardedSafetensors
  readonly close: () => Promise<void>
}

/** What the environment says about the Hub. Source: huggingface_hub, "Environment variables". */
type HubEnvironment = Readonly<Record<string, string | undefined>>

/**
 * Opens a safetensors file by what a person may give for one:
 *
 * - a path, also of a `*.safetensors.index.json`
 * - an address that begins with https:// or http://, likewise; pages of the Hugging Face Hub are taken for their file
 * - `owner/name[@revision][:file]` on the Hub, if no such path exists; with `hf:` before it in any case
 *
 * HF_ENDPOINT says which Hub is asked, HF_TOKEN with which token.
 *
 * @throws InputError when a path cannot be read; FormatError as `openSafetensors`, `fromUrl`, `openSharded`
 */
export async function openLocation(text: string, environment: HubEnvironment = process.env): Promise<OpenLocation> {
  if (!/^(https?:\/\/|hf:)/i.test(text) && !(await mayBeRepository(text))) return openFile(text)
  const { fromUrl, parseHubReference, resolveHubFile } = await import("@lllite/format/remote")
  const { HF_ENDPOINT, HF_TOKEN } = environment
  const options: HubOptions = {
    ...(HF_ENDPOINT ? { endpoint: HF_ENDPOINT.replace(/\/+$/, "") } : {}),
    ...(HF_TOKEN ? { token: HF_TOKEN } : {}),
  }
  const reference = parseHubReference(text, options.endpoint)
  if (reference === null) {
    if (text.startsWith("hf:")) {
      throw new InputError(
        `"${text}" is no repository, expected hf:owner/name, @revision and :file after it if wanted.`,
      )
    }
    return openUrl(text, (url) => fromUrl(url))
  }
  const { url, headers } = await resolveHubFile(reference, options)
  return openUrl(url, (each) => fromUrl(each, { headers }))
}

type Opened = Awaited<ReturnType<typeof openPath>>

async function openUrl(url: string, open: (url: string) => Promise<Opened>): Promise<OpenLocation> {
  const { pathname } = new URL(url)
  if (!isIndex(pathname)) return openWhole(await open(url))
  return openIndex(await open(url), (name) => open(new URL(encodeURIComponent(name), url).href))
}

/**
 * Opens a safetensors file on disk, or a checkpoint by the index of its files.
 *
 * @throws InputError when it cannot be read; FormatError as `openSafetensors`, `openSharded`
 */
export async function openFile(path: string): Promise<OpenLocation> {
  const source = await openPath(path)
  if (!isIndex(path)) return openWhole(source)
  return openIndex(source, (name) => openPath(join(dirname(path), name)))
}

function isIndex(path: string): boolean {
  // With a variant's name in it where diffusers writes one: "model.safetensors.index.fp16.json".
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

/** Whether text that is no address is to be looked for on the Hub: nothing of that name is here, nor its first folder. */
async function mayBeRepository(text: string): Promise<boolean> {
  const [, owner, file] = /^([\w.-]+)\/[^/\\:]+(?::(.+))?$/.exec(text.replace(/@[^:]*/, "")) ?? []
  if (owner === undefined || owner.startsWith(".")) return false
  // "models/canny.safetensors" is meant as a path, also when there is none.
  if (file === undefined && /\.(safetensors|json|ckpt|pt|pth|bin)$/i.test(text)) return false
  return !(await exists(text)) && !(await exists(owner))
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
