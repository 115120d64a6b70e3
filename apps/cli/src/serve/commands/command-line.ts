import { realpath } from "node:fs/promises"
import { join, sep } from "node:path"
import { TINY } from "@lllite/core/recipe"
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
}

/** Options that decide where a command writes its file of options, and which other machines it reaches. */
const REFUSED = ["output_config", "save_workflow", "interactive", ...FAN_OUT_NAMES]

export interface CommandPlaces {
  /** The folder that commands work in. Null: there is none, and no command runs. */
  readonly dataFolder: string | null
  readonly library: Library
  /** What lets workers share the making of a data set. Null: the command does it alone. Default: null */
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
      const text = await allowedText(String(one), dataFolder, MODEL_OPTIONS[name], library)
      flags.push(`--${name}=${text}`)
    }
  }
  if (kind === "dataset make" && fanOut !== null) flags.push(...fanOut.flags)
  const positionals: string[] = []
  for (const file of files) positionals.push(await allowedText(file, dataFolder, undefined, library))
  return [...kind.split(" "), ...flags, "--", ...positionals]
}

/** A value that leads to nothing but the data folder and the models. @throws ServeError */
async function allowedText(
  text: string,
  dataFolder: string,
  kind: ModelKind | undefined,
  library: Library,
): Promise<string> {
  if (kind !== undefined) {
    if (text === TINY) return text
    const model = findModel(await library.list(kind), text)
    if (model !== null) return model.path
  }
  const isOutside = /^([\\/~]|[a-z]:[\\/])/i.test(text) || text.split(/[\\/]/).includes("..") || text.includes("\0")
  if (isOutside || /^[a-z][a-z0-9+.-]*:\/\/|^hf:/i.test(text)) {
    throw new ServeError(
      "option-refused",
      `${JSON.stringify(text.slice(0, 200))} leads out of the server's data folder. Expected a path below it, without "..".`,
    )
  }
  const root = await realpath(dataFolder)
  const found = await realpath(join(root, text)).catch(() => null)
  if (found !== null && found !== root && !found.startsWith(root + sep)) {
    throw new ServeError(
      "file-unknown",
      `${JSON.stringify(text.slice(0, 200))} is a link out of the server's data folder.`,
    )
  }
  return text
}
