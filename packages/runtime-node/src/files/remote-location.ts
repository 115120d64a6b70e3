import { stat } from "node:fs/promises"
import { checkArgument } from "@lllite/core/names"
import type { HubOptions, HubReference } from "@lllite/format/remote"
import { InputError } from "../errors.ts"
import { hubToken } from "./hub-environment.ts"

/** Options for the text that names a file. */
export interface LocationOptions {
  /** Variables for the Hub. Source: huggingface_hub, "Environment variables". Default: those of the process */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Stops requests, also those of later reads. */
  readonly signal?: AbortSignal
}

/** A file on the web, with the headers for its server. */
export interface RemoteFile {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** A text that names a file on the web: by its address, or in a repository of a Hub. */
export type RemoteLocation =
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "hub"; readonly reference: HubReference; readonly options: HubOptions }

/**
 * Finds the file on the web that a text names. A repository without a file's name is looked up on the Hub.
 *
 * @returns null for a path
 * @throws InputError for a wrong name or environment; FormatError as `resolveHubFile`
 */
export async function findRemote(text: string, options: LocationOptions = {}): Promise<RemoteFile | null> {
  const location = await parseLocation(text, options)
  if (location === null) return null
  if (location.kind === "url") return { url: location.url, headers: {} }
  const { resolveHubFile } = await import("@lllite/format/remote")
  return resolveHubFile(location.reference, location.options)
}

/**
 * Reads a text that names a file. No request is made.
 *
 * @returns null for a path
 * @throws InputError for a wrong name or environment
 */
export async function parseLocation(
  text: string,
  { environment = process.env, signal }: LocationOptions = {},
): Promise<RemoteLocation | null> {
  checkArgument("file: its name", text, "text")
  if (!/^(https?:\/\/|hf:)/i.test(text) && !(await mayBeRepository(text))) return null
  const { parseHubReference } = await import("@lllite/format/remote")
  const { HF_ENDPOINT } = environment
  checkHub(environment)
  const token = await hubToken(environment)
  const options: HubOptions = {
    ...(signal === undefined ? {} : { signal }),
    ...(HF_ENDPOINT ? { endpoint: HF_ENDPOINT.replace(/\/+$/, "") } : {}),
    ...(token === null ? {} : { token }),
  }
  const reference = parseHubReference(text, options.endpoint)
  if (reference !== null) return { kind: "hub", reference, options }
  if (!text.startsWith("hf:")) return { kind: "url", url: text }
  throw new InputError(
    "repository-name",
    `"${text}" is not the name of a repository, expected hf:owner/name[@revision][:file]. Check the name.`,
  )
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
  if (HF_TOKEN && !/^[\x21-\x7e]+$/.test(HF_TOKEN.trim())) {
    throw new InputError(
      "address",
      "the environment variable HF_TOKEN holds spaces or characters that no token has. Copy the token again.",
    )
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
