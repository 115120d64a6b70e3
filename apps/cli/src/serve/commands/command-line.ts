import { lstat, realpath } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { dirname, isAbsolute, join, sep } from "node:path"
import { TINY } from "@lllite/core/recipe"
import { filesMatching, isPattern } from "@lllite/runtime-node/files"
import type { AnyOption } from "@lllite/runtime-node/options"
import { findOption } from "@lllite/runtime-node/options"
import type { CommandInput, CommandKind, Library, ModelKind } from "@lllite/serve"
import { findModel, ServeError } from "@lllite/serve"
import type { Command } from "../../command/command.ts"
import type { FanOutArguments } from "../../pieces/fan-out.ts"
import { FAN_OUT_NAMES } from "../../pieces/options.ts"

/** The commands, loaded on demand. */
const COMMANDS: Readonly<Record<CommandKind, () => Promise<Command>>> = {
  train: async () => (await import("../../train/command.ts")).trainCommand,
  "dataset make": async () => (await import("../../dataset/make/command.ts")).makeCommand,
  "dataset cache": async () => (await import("../../dataset/cache/command.ts")).cacheCommand,
  preprocess: async () => (await import("../../preprocess/command.ts")).preprocessCommand,
  inspect: async () => (await import("../../inspect/command.ts")).inspectCommand,
}

/** Options that name a model in the server's folders, or a file of its data folder. */
const MODEL_OPTIONS: Readonly<Record<string, ModelKind>> = {
  ckpt: "checkpoint",
  pretrained_model_name_or_path: "checkpoint",
  vae: "vae",
  unet: "unet",
  network_weights: "adapter",
  control_net_lllite_models: "adapter",
  textual_inversion_embeddings: "textual-inversion",
}

/** The kind of the models that an option names. Null: it names none. */
function modelKindOf(kind: CommandKind, option: string): ModelKind | null {
  // What train continues is an LLLite, and what draws pictures has LoRAs.
  if (kind === "dataset make" && option === "network_weights") return "lora"
  return MODEL_OPTIONS[option] ?? null
}

/**
 * Options that decide where a command writes its file of options, which ports it opens, and which other machines it
 * reaches.
 */
const REFUSED = [
  ...["output_config", "save_workflow", "interactive", "dashboard", "dashboard_port"],
  ...["rank_address", "rank_token_file", "rank_certificate", "rank_key"],
  ...FAN_OUT_NAMES,
]

/** Commands whose work other workers can share. */
const SHARED: readonly CommandKind[] = ["dataset make", "dataset cache"]

export interface CommandPlaces {
  /** The folder that commands work in. Null: there is none, and no command runs. */
  readonly dataFolder: string | null
  readonly library: Library
  /** What lets workers share a data set or its caches. Null: the command makes them alone. Default: null */
  readonly fanOut?: FanOutArguments | null
}

/**
 * The arguments of a command whose files all lie in the data folder or among the models. A request cannot name another
 * file of the machine, nor an address.
 *
 * @throws ServeError `option-refused`, `file-unknown`
 */
export async function commandLine(
  kind: CommandKind,
  { options, files = [] }: CommandInput,
  { dataFolder, library, fanOut = null }: CommandPlaces,
): Promise<readonly string[]> {
  if (dataFolder === null) {
    throw new ServeError("option-refused", `${kind} needs a folder to work in. Start the server with --data_dir.`)
  }
  const command = await COMMANDS[kind]()
  const table = Object.assign({}, ...command.groups.map(([, options]) => options)) as Readonly<
    Record<string, AnyOption>
  >
  checkSize(options, files)
  const flags: string[] = []
  for (const [written, value] of Object.entries(options)) {
    const found = findOption(table, written)
    if (found === null || REFUSED.includes(found[0])) {
      throw new ServeError(
        "option-refused",
        `${kind} has no option ${JSON.stringify(written.slice(0, 80))} on a server.`,
      )
    }
    const [name] = found
    if (value === false) continue
    if (value === true) {
      flags.push(`--${name}`)
      continue
    }
    for (const one of Array.isArray(value) ? value : [value]) {
      if (name === "ranks") checkRanks(Number(one))
      const models = modelKindOf(kind, name)
      const text = await allowedText(String(one), dataFolder, models, library)
      flags.push(`--${name}=${models === null ? text : asPath(text)}`)
    }
  }
  if (SHARED.includes(kind) && fanOut !== null) flags.push(...fanOut.flags)
  const positionals: string[] = []
  for (const file of files) positionals.push(asPath(await allowedText(file, dataFolder, null, library)))
  return [...kind.split(" "), ...flags, "--", ...positionals]
}

/** Bytes of a command's arguments, and of one. Systems start programs with little more. */
const [MOST_BYTES, MOST_OF_ONE] = [2 ** 20, 2 ** 16]

/** Counts before anything is looked for. @throws ServeError `limit` */
function checkSize(options: CommandInput["options"], files: readonly string[]): void {
  const sizes = [...Object.values(options).flat(), ...files].map((one) => Buffer.byteLength(String(one)))
  const longest = sizes.reduce((most, size) => Math.max(most, size), 0)
  const all = sizes.reduce((sum, size) => sum + size, 0)
  if (longest > MOST_OF_ONE) {
    throw new ServeError(
      "limit",
      `a value of the options or files has ${longest} bytes, expected at most ${MOST_OF_ONE}.`,
    )
  }
  if (all > MOST_BYTES) {
    throw new ServeError(
      "limit",
      `the options and files have ${all} bytes, expected at most ${MOST_BYTES}. Name a folder.`,
    )
  }
}

/** A process for each core is the most that helps. @throws ServeError `limit` */
function checkRanks(ranks: number): void {
  const most = availableParallelism()
  if (ranks <= most) return
  throw new ServeError("limit", `a training of ${ranks} ranks, expected at most ${most}, as this machine has cores.`)
}

/** A text that commands take for a path: `owner/name` alone would be a repository of the Hub. */
function asPath(text: string): string {
  return !isAbsolute(text) && text.includes("/") ? `./${text}` : text
}

/** A value that leads to nothing but the data folder and the models. @throws ServeError */
async function allowedText(
  text: string,
  dataFolder: string,
  kind: ModelKind | null,
  library: Library,
): Promise<string> {
  if (kind !== null) {
    if (text === TINY) return text
    const model = findModel(await library.list(kind), text)
    if (model !== null) return model.path
  }
  const isOutside = /^([\\/~]|[a-z]:[\\/])/i.test(text) || text.split(/[\\/]/).includes("..") || text.includes("\0")
  // Each of several ** would walk through all folders for each of the others.
  const isEndless = text.split(/[\\/]/).filter((part) => part === "**").length > 1
  if (isOutside || isEndless || /^[a-z][a-z0-9+.-]*:\/\/|^hf:/i.test(text)) {
    throw new ServeError(
      "option-refused",
      `${JSON.stringify(text.slice(0, 200))} leads out of the server's data folder. Expected a path below it, without ".." and with one "**" at most.`,
    )
  }
  const root = await realpath(dataFolder)
  // Commands look for the file of a pattern themselves.
  const matched = isPattern(text) ? await filesMatching(join(root.replace(/[*?[]/g, "[$&]"), text)) : []
  for (const path of [join(root, text), ...matched]) {
    // A link whose target is missing may be one to outside, which a command would make.
    const found = await realpath(await whatIsThere(path)).catch(() => null)
    if (found === root || found?.startsWith(root + sep)) continue
    const shown = JSON.stringify(text.slice(0, 200))
    throw new ServeError("file-unknown", `${shown} is a link out of the server's data folder, or leads to one.`)
  }
  return text
}

/** A path, or the folder of it that is there: a command may make what is missing. */
async function whatIsThere(path: string): Promise<string> {
  const isThere = await lstat(path).then(
    () => true,
    () => false,
  )
  const above = dirname(path)
  return isThere || above === path ? path : whatIsThere(above)
}
