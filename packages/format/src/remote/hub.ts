import { FormatError, show } from "../errors.ts"
import type { RequestOptions } from "./request.ts"
import { limitsOf, readText, request } from "./request.ts"

/** A file, or a whole repository, on the Hugging Face Hub. */
export interface HubReference {
  /** `owner/name`. */
  readonly repo: string
  /** Branch, tag or commit. Default: `main`. */
  readonly revision: string
  /** Path of a file in the repository. Null for the repository's only file. */
  readonly file: string | null
}

/** Options of {@link resolveHubFile}. */
export interface HubOptions extends RequestOptions {
  /** Default: `https://huggingface.co`. */
  readonly endpoint?: string
  /** A token that may read the repository. It is sent to the endpoint only. */
  readonly token?: string
}

/** The address of a file of the Hub, with the options for reading it. Pass both to `fromUrl`. */
export interface HubFile {
  readonly url: string
  readonly file: string
  readonly headers: Readonly<Record<string, string>>
}

const ENDPOINT = "https://huggingface.co"
/** The longest list of files. The Hub's largest repositories have lists of some megabytes. */
const MOST_LIST_BYTES = 16 * 2 ** 20
/** Source: huggingface_hub, `utils/_validators.py` (`REPO_ID_REGEX`), with an owner asked for. */
const REPO = /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9_][\w.-]{0,95}$/

/**
 * Reads `owner/name`, `owner/name@revision`, `owner/name:file.safetensors`, `owner/name@revision:folder/file.safetensors`
 * (each also with `hf:` before it), and a file's address on the Hub's pages. Null for anything else.
 */
export function parseHubReference(text: string, endpoint = ENDPOINT): HubReference | null {
  const page = pageReference(text, endpoint)
  if (page !== null) return page
  const [, repo = "", revision = "main", file] = /^(?:hf:)?([^@:]+)(?:@([^:]+))?(?::(.+))?$/s.exec(text) ?? []
  if (!REPO.test(repo) || repo.includes("..") || repo.includes("--") || file?.split("/").includes("..")) return null
  return { repo, revision, file: file ?? null }
}

/** `https://huggingface.co/owner/name/blob/main/a.safetensors`, and the same with `resolve`. */
function pageReference(text: string, endpoint: string): HubReference | null {
  if (!text.startsWith(`${endpoint}/`)) return null
  const { pathname } = new URL(text)
  const parts = /^\/([^/]+\/[^/]+)(?:\/(?:blob|resolve|tree)\/([^/]+)(?:\/(.+))?)?\/?$/.exec(
    pathname.slice(new URL(endpoint).pathname.replace(/\/$/, "").length),
  )
  const [, repo = "", revision = "main", file] = parts ?? []
  if (!REPO.test(repo)) return null
  return { repo, revision: decodeURIComponent(revision), file: file === undefined ? null : decodeURIComponent(file) }
}

/**
 * Finds the address of a reference's file. Without a file's name, the Hub gives the repository's files. The result is
 * then the only index of a checkpoint in several files, or the only `.safetensors` file.
 *
 * @throws FormatError `hub` with the list of files when none or several are possible; `source-*` when the Hub cannot be
 * read
 */
export async function resolveHubFile(reference: HubReference, options: HubOptions = {}): Promise<HubFile> {
  const { endpoint = ENDPOINT, token } = options
  const headers = { ...options.headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }
  const { repo, revision } = reference
  const file = reference.file ?? (await onlyFile(reference, endpoint, { ...options, headers }))
  const path = file.split("/").map(encodeURIComponent).join("/")
  return { file, headers, url: `${endpoint}/${repo}/resolve/${encodeURIComponent(revision)}/${path}` }
}

async function onlyFile(reference: HubReference, endpoint: string, options: RequestOptions): Promise<string> {
  const { repo, revision } = reference
  const label = `${repo}@${revision}`
  const url = `${endpoint}/api/models/${repo}/revision/${encodeURIComponent(revision)}`
  const answer = await request(url, label, options, { accept: "application/json" })
  const text = await readText(answer, MOST_LIST_BYTES, label, limitsOf(options))
  const files = fileNames(text)
  if (files === null) {
    throw new FormatError("hub", `expected a list of files from ${show(url)}. Is it a Hugging Face Hub?`, {
      source: label,
    })
  }
  const indexes = files.filter((name) => name.endsWith(".safetensors.index.json"))
  const weights = files.filter((name) => name.endsWith(".safetensors"))
  const [only] = indexes.length > 0 ? indexes : weights
  if (only !== undefined && (indexes.length === 1 || (indexes.length === 0 && weights.length === 1))) return only
  const choices = indexes.length > 1 ? indexes : weights
  const listed = choices.slice(0, 8).map((name) => `${repo}:${name}`)
  const more = choices.length > listed.length ? `, and ${choices.length - listed.length} more` : ""
  const what =
    choices.length === 0
      ? "it has no .safetensors file"
      : `it has ${choices.length} files to choose from. Name one: ${listed.map(show).join(", ")}${more}`
  throw new FormatError("hub", what, { source: label })
}

function fileNames(text: string | null): string[] | null {
  let answer: unknown
  try {
    answer = JSON.parse(text ?? "")
  } catch {
    return null
  }
  const siblings: unknown = typeof answer === "object" && answer !== null && "siblings" in answer && answer.siblings
  if (!Array.isArray(siblings)) return null
  return siblings.flatMap((sibling: unknown) =>
    typeof sibling === "object" && sibling !== null && "rfilename" in sibling && typeof sibling.rfilename === "string"
      ? [sibling.rfilename]
      : [],
  )
}
