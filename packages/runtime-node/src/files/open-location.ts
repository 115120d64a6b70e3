import { stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import type { SafetensorsFile } from "@lllite/format"
import { openSafetensors } from "@lllite/format"
import type { HubOptions } from "@lllite/format/remote"
import type { ShardedSafetensors } from "@lllite/format/sharded"
import { InputError } from "../errors.ts"
import { openPath, type PathOptions } from "./path-source.ts"

/** A file that was opened on disk or on the web, or a checkpoint in several files. Close it when done. */
export interface OpenLocation {
  readonly file: SafetensorsFile | ShardedSafetensors
  readonly close: () => Promise<void>
}

/** Options of {@link openLocation}. */
export interface LocationOptions {
  /** Variables for the Hub. Source: huggingface_hub, "Environment variables". Default: those of the process */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Stops requests, also those of later reads. */
  readonly signal?: AbortSignal
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
 * HF_ENDPOINT names the Hub, and HF_TOKEN the token for it.
 *
 * @throws InputError when a path cannot be read; FormatError as `openSafetensors`, `fromUrl`, `openSharded`
 */
export async function openLocation(
  text: string,
  { environment = process.env, signal }: LocationOptions = {},
): Promise<OpenLocation> {
  if (!/^(https?:\/\/|hf:)/i.test(text) && !(await mayBeRepository(text))) return openFile(text, { signal })
  const { fromUrl, parseHubReference, resolveHubFile } = await import("@lllite/format/remote")
  const { HF_ENDPOINT, HF_TOKEN } = environment
  checkHub(environment)
  const requests = signal === undefined ? {} : { signal }
  const options: HubOptions = {
    ...requests,
    ...(HF_ENDPOINT ? { endpoint: HF_ENDPOINT.replace(/\/+$/, "") } : {}),
    ...(HF_TOKEN ? { token: HF_TOKEN } : {}),
  }
  const reference = parseHubReference(text, options.endpoint)
  if (reference === null) {
    if (text.startsWith("hf:")) {
      throw new InputError(
        "repository-name",
        `"${text}" is not the name of a repository, expected hf:owner/name[@revision][:file]. Check the name.`,
      )
    }
    return openUrl(text, (url) => fromUrl(url, requests))
  }
  const { url, headers } = await resolveHubFile(reference, options)
  return openUrl(url, (each) => fromUrl(each, { ...requests, headers }))
}

/** Checks what the environment says about the Hub. @throws InputError that does not show the token */
function checkHub({ HF_ENDPOINT, HF_TOKEN }: NonNullable<LocationOptions["environment"]>): void {
  if (HF_ENDPOINT && !(URL.canParse(HF_ENDPOINT) && /^https?:$/.test(new URL(HF_ENDPOINT).protocol))) {
    throw new InputError(
      "address",
      `the environment variable HF_ENDPOINT is "${HF_ENDPOINT}", expected an address such as https://huggingface.co. Correct it, or remove it.`,
    )
  }
  if (HF_ENDPOINT && (new URL(HF_ENDPOINT).username !== "" || new URL(HF_ENDPOINT).password !== "")) {
    throw new InputError(
      "address",
      "the environment variable HF_ENDPOINT holds a user name or password, expected an address alone. Give a token as HF_TOKEN.",
    )
  }
  if (HF_TOKEN && !/^[\x21-\x7e]+$/.test(HF_TOKEN)) {
    throw new InputError(
      "address",
      "the environment variable HF_TOKEN holds spaces or characters that no token has. Copy the token again.",
    )
  }
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

function isIndex(path: string): boolean {
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

/** Whether text that is not an address may name a repository: neither that path nor its first folder exists here. */
async function mayBeRepository(text: string): Promise<boolean> {
  const [, owner, file] = /^([\w.-]+)\/[^/\\:]+(?::(.+))?$/.exec(text.replace(/@[^:]*/, "")) ?? []
  if (owner === undefined || owner.startsWith(".")) return false
  // "models/canny.safetensors" is a path, even if no such file exists.
  if (file === undefined && /\.(safetensors|json|ckpt|pt|pth|bin)$/i.test(text)) return false
  return !(await exists(text)) && !(await exists(owner))
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
