import { readdir, stat } from "node:fs/promises"
import { basename, extname, join, resolve, sep } from "node:path"
import { CoreError } from "@lllite/core"
import { parseBlockWeights } from "@lllite/core/models"
import type { LoraInput } from "@lllite/core/recipe"
import { FormatError } from "@lllite/format"
import { InputError, nearest, openAddition } from "@lllite/runtime-node"
import type { OptionReader } from "@lllite/runtime-node/options"
import type { LocalPaths } from "../model/local-models.ts"
import type { GENERATE_OPTIONS } from "./options.ts"
import type { PlannedPicture } from "./plan-pictures.ts"

type GenerateReader = OptionReader<typeof GENERATE_OPTIONS>

/** The LoRAs of the command line. */
export interface LoraChoice {
  /** Merged into the weights, in order. */
  readonly merged: readonly LoraInput[]
  /** Beside the layers, in order. */
  readonly live: readonly LoraInput[]
}

/**
 * The LoRAs of the options `network_*`. One acts beside the layers, unless it is to be merged. Only headers of files are
 * read.
 *
 * @throws CoreError for wrong arguments; InputError and FormatError for a file that cannot be read
 */
export async function readLoraOptions({ settings, nameOf }: GenerateReader): Promise<LoraChoice> {
  const { networkWeights, networkMul, networkArgs, networkMerge, networkMergeNModels = 0 } = settings
  const [merged, live]: [LoraInput[], LoraInput[]] = [[], []]
  for (const [i, path] of networkWeights.entries()) {
    const strength = networkMul[i] ?? 1
    const use = { file: { path }, strength, ...readArguments(nameOf("networkArgs"), networkArgs[i] ?? "", strength) }
    await expectLora(path)
    if (networkMerge || i < networkMergeNModels) merged.push(use)
    else live.push(use)
  }
  return { merged, live }
}

async function expectLora(path: string): Promise<void> {
  const { close } = await openAddition(path, "lora")
  await close()
}

/** Reads a LoRA's arguments, `key=value` with semicolons between. @throws CoreError for another key or value */
function readArguments(option: string, text: string, strength: number): Omit<LoraInput, "file"> {
  // `--network_args a=1 b=2` of a shell comes as two entries, so an entry that holds no pair is refused by its text.
  const pairs = text.split(";").filter((part) => part.trim() !== "")
  if (pairs.length === 0) return {}
  const values = new Map(
    pairs.map((pair) => {
      const [, key = "", value = ""] = /^\s*(\w+)\s*=\s*(.*?)\s*$/s.exec(pair) ?? []
      if (key === "lbw" || ((key === "te" || key === "unet") && Number.isFinite(Number(value)) && value !== "")) {
        return [key, value] as const
      }
      throw new CoreError("option-range", `${option} has "${pair}", expected lbw=…, te=NUMBER or unet=NUMBER`)
    }),
  )
  const [blocks, te, unet] = [values.get("lbw"), values.get("te"), values.get("unet")]
  return {
    strength: unet === undefined ? strength : Number(unet),
    textStrength: te === undefined ? strength : Number(te),
    ...(blocks === undefined ? {} : { blocks: blocksOf(option, blocks) }),
  }
}

function blocksOf(option: string, text: string): ReturnType<typeof parseBlockWeights> {
  try {
    return parseBlockWeights(text)
  } catch (cause) {
    if (!(cause instanceof CoreError)) throw cause
    throw new CoreError(cause.code, `${option} has lbw=${text}: ${cause.message}`, { cause })
  }
}

/** The pictures with the LoRAs that their prompts name, and what is said of them. */
export interface NamedLoras {
  readonly pictures: readonly PlannedPicture[]
  readonly notices: readonly string[]
}

/**
 * Finds the files of the LoRAs that prompts name. A name is a path, or the name of a file in one of the folders or below
 * it, with or without its ending. Another one may be an address or a name on the Hub, whose file is downloaded.
 *
 * @param toLocal gives the local path of a text that names a file on the web. Default: nothing is downloaded
 * @throws InputError that lists every name without a file; FormatError for a file that is not a LoRA; and as `toLocal`
 */
export async function findNamedLoras(
  pictures: readonly PlannedPicture[],
  folders: readonly string[],
  toLocal: LocalPaths = async (text) => text,
): Promise<NamedLoras> {
  const names = [...new Set(pictures.flatMap(({ tags }) => tags.map(({ name }) => name)))]
  if (names.length === 0) return { pictures, notices: [] }
  const files = distinct((await Promise.all(folders.map(listFiles))).flat())
  const found = new Map<string, string>()
  const notices: string[] = []
  const missing: string[] = []
  const unread = new Map<string, readonly string[]>()
  for (const name of names) {
    const matches = (await isFile(name)) ? [name] : files.filter((path) => isNamed(path, name))
    const [path, ...more] = matches.filter((path) => extname(path) === ".safetensors")
    if (path === undefined) {
      unread.set(name, matches)
      continue
    }
    found.set(name, path)
    if (more.length > 0) notices.push(`${more.length + 1} files are named "${name}". "${path}" is used.`)
  }
  for (const [name, matches] of unread) {
    const problem = problemOf(name, matches, files)
    const downloaded = matches.length > 0 ? name : await downloadedOr(problem, name, toLocal)
    if (downloaded === name) missing.push(problem)
    else if (typeof downloaded === "string") found.set(name, downloaded)
    else missing.push(downloaded.problem)
  }
  if (missing.length > 0) {
    const where = folders.length === 0 ? "" : ` in ${folders.map((folder) => `"${folder}"`).join(", ")}`
    throw new InputError(
      "network-file",
      `prompts name LoRAs whose files are not found${where}: ${missing.join("; ")}. Give their folder with --lora_dir or --models_dir.`,
    )
  }
  for (const path of new Set(found.values())) await expectLora(path)
  const named = pictures.map((picture) => {
    const loras = picture.tags.map(({ name, ...use }) => ({ file: { path: found.get(name) ?? name }, ...use }))
    return { ...picture, recipe: { ...picture.recipe, loras: [...picture.recipe.loras, ...loras] } }
  })
  return { pictures: named, notices }
}

/** The local path of a name, the name itself, or a problem. A name that may also be of a folder has both problems. */
async function downloadedOr(
  problem: string,
  name: string,
  toLocal: LocalPaths,
): Promise<string | { readonly problem: string }> {
  try {
    return await toLocal(name)
  } catch (error) {
    if (/^(https?:\/\/|hf:)|:/i.test(name) || !(error instanceof InputError || error instanceof FormatError))
      throw error
    return { problem: `${problem}, nor on the Hub: ${error.message.replace(/\.$/, "")}` }
  }
}

const WEIGHTS = new Set([".safetensors", ".pt", ".ckpt", ".bin"])

/** The paths without those of a file that was listed before: a folder may lie below another one. */
function distinct(paths: readonly string[]): readonly string[] {
  const first = new Map<string, string>()
  for (const path of paths) if (!first.has(resolve(path))) first.set(resolve(path), path)
  return [...first.values()]
}

/** Files of weights in a folder and below it, sorted, and those nearest to the folder first. @throws InputError for a folder that cannot be read */
async function listFiles(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    return entries
      .filter((entry) => !entry.isDirectory() && WEIGHTS.has(extname(entry.name)))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .sort((a, b) => depthOf(a) - depthOf(b))
  } catch (cause) {
    throw new InputError("network-file", `"${folder}" cannot be listed, expected a folder of LoRAs. Check the path.`, {
      cause,
    })
  }
}

function depthOf(path: string): number {
  return resolve(path).split(sep).length
}

/** Whether a path ends in a name, with or without its ending. Case does not count. */
function isNamed(path: string, name: string): boolean {
  const wanted = `/${name.replaceAll("\\", "/")}`.toLowerCase()
  const whole = `/${path.replaceAll("\\", "/")}`.toLowerCase()
  return whole.endsWith(wanted) || whole.slice(0, -extname(whole).length).endsWith(wanted)
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}

function problemOf(name: string, matches: readonly string[], files: readonly string[]): string {
  const [pickle] = matches
  if (pickle !== undefined) {
    return `"${name}" is only "${pickle}", a pickle, which can run code when it is opened. Save it as safetensors`
  }
  const near = nearest(
    name,
    files.map((path) => basename(path, extname(path))),
  )
  return near === null ? `"${name}"` : `"${name}" (did you mean "${near}"?)`
}
