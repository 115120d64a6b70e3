import type { Preprocessing } from "@lllite/core/image"
import { readPreprocessorValues } from "@lllite/core/image"
import type { OptionReader } from "@lllite/runtime-node/options"
import { defineCommand } from "../command/command.ts"
import { STOPPING, watched } from "../command/watched.ts"
import { print } from "../terminal/streams.ts"
import { readKindText } from "./kind.ts"
import { listKinds } from "./list.ts"
import { KIND_OPTION_NAMES, PREPROCESS_GROUPS, PREPROCESS_OPTIONS } from "./options.ts"

type PreprocessReader = OptionReader<typeof PREPROCESS_OPTIONS>

const USAGE = "lllite preprocess <kind> <in...> <out>"

/** `lllite preprocess` */
export const preprocessCommand = defineCommand({
  name: "preprocess",
  description:
    "Make control pictures: edges, lines, blurs and others, without a network. Inputs are pictures, folders or patterns such as 'photos/*.jpg'. The output is a PNG for one picture, or a folder.",
  positionals: { text: "<kind> <in...> <out>", min: 0, max: Number.MAX_SAFE_INTEGER },
  options: PREPROCESS_OPTIONS,
  groups: PREPROCESS_GROUPS,
  endsItself: true,
  async run(reader, positionals, signal) {
    if (reader.settings.list) {
      reader.check(["list"], () => (positionals.length === 0 ? null : "--list takes no arguments"))
      reader.finish()
      print(listKinds())
      return
    }
    const [kind = "", ...paths] = positionals
    const [inputs, out = ""] = [paths.slice(0, -1), paths.at(-1)]
    reader.check([], () => {
      if (inputs.length > 0) return null
      const came = positionals.length === 0 ? "" : `, received ${positionals.length}`
      return `expected <kind> <in...> <out>${came}. Type: ${USAGE}. For the kinds, type: lllite preprocess --list`
    })
    const preprocessing = inputs.length === 0 ? null : await reader.examine([], async () => readKind(kind, reader))
    const { force } = reader.finish()
    if (preprocessing === null) return
    const { runPreprocess } = await import("./run.ts")
    await watched(signal, STOPPING.ends, (reporter) =>
      runPreprocess({ preprocessing, inputs, out, force }, reporter, signal),
    )
  },
})

/**
 * The kind with the options of the command line.
 *
 * @throws CoreError, UsageError for a wrong name or value
 */
function readKind(text: string, { settings, isGiven }: PreprocessReader): Preprocessing {
  const { kind, options = {} } = readKindText(text, "preprocess")
  const given = KIND_OPTION_NAMES.flatMap((option) => (isGiven(option) ? [[option, settings[option] ?? null]] : []))
  return { kind, options: readPreprocessorValues(kind, { ...options, ...Object.fromEntries(given) }) }
}
