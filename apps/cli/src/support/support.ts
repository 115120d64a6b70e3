import type { AnyOption, OptionTable } from "@lllite/runtime-node/options"
import { DATASET_OPTIONS, findOption } from "@lllite/runtime-node/options"
import { describeOption } from "../command/help.ts"
import { GENERATE_OPTIONS } from "../generate/options.ts"
import { TRAIN_OPTIONS } from "../train/options/index.ts"
import { BACKENDS } from "./backends.ts"
import { GENERATE_SCRIPT_ONLY, SDXL_GENERATE_SCRIPT, TRAIN_SCRIPT } from "./sd-scripts.ts"

/** The three scripts of sd-scripts, with the table of options for each. */
export const SCRIPTS = [
  { script: "sdxl_train_control_net_lllite.py", command: "train", names: TRAIN_SCRIPT, table: TRAIN_OPTIONS },
  { script: "sdxl_gen_img.py", command: "generate", names: SDXL_GENERATE_SCRIPT, table: GENERATE_OPTIONS },
  {
    script: "gen_img.py",
    command: "generate",
    names: [...SDXL_GENERATE_SCRIPT, ...GENERATE_SCRIPT_ONLY],
    table: GENERATE_OPTIONS,
  },
] as const satisfies readonly {
  readonly script: string
  readonly command: string
  readonly names: readonly string[]
  readonly table: OptionTable
}[]

/** Counts a script's options by fate. @throws Error naming an option that the table lacks */
export function countFates(names: readonly string[], table: OptionTable): Readonly<Record<AnyOption["fate"], number>> {
  const count = { taken: 0, ignored: 0, refused: 0 }
  for (const name of names) count[optionOf(table, name).fate] += 1
  return count
}

/** SUPPORT.md: the backends, and every option of sd-scripts. */
export function renderSupport(): string {
  const counts = SCRIPTS.map(({ script, command, names, table }) => {
    const { taken, ignored, refused } = countFates(names, table)
    return [`\`${script}\``, `\`lllite ${command}\``, ...[names.length, taken, ignored, refused].map(String)]
  })
  const own = (table: OptionTable, names: readonly string[]): readonly string[] =>
    Object.keys(table).filter((name) => !names.includes(name))
  const generateNames = [...SDXL_GENERATE_SCRIPT, ...GENERATE_SCRIPT_ONLY]
  return `${[
    "# What is supported",
    "<!-- Written by `npm run support` from the tables of options. Do not change it by hand. -->",
    "## Backends",
    table(
      ["backend", "task", "tiny SDXL", "SDXL", "tested on"],
      BACKENDS.map(({ backend, task, tiny, sdxl, testedOn }) => [backend, task, tiny, sdxl, testedOn]),
    ),
    "`lllite doctor` says what your machine can do. [docs/measurements](docs/measurements/README.md) has figures.",
    "## Options of sd-scripts",
    [
      "Compared with sd-scripts at commit `48d368f` of 2026-02-16. An option is taken, ignored or refused.",
      "Taken options are followed. Ignored options have no effect here, and a note says so.",
      "A refused option ends the command before it begins. A value that turns an option off is never refused: `false`, an empty list, or `0` where it is the default.",
    ].join(" "),
    table(["script", "command", "options", "taken", "ignored", "refused"], counts),
    "Defaults are ours, and some differ from sd-scripts'.",
    "### `sdxl_train_control_net_lllite.py`: `lllite train`",
    optionTable(TRAIN_OPTIONS, TRAIN_SCRIPT),
    "Options that the script lacks:",
    optionTable(TRAIN_OPTIONS, own(TRAIN_OPTIONS, TRAIN_SCRIPT)),
    "### `sdxl_gen_img.py` and `gen_img.py`: `lllite generate`",
    optionTable(GENERATE_OPTIONS, SDXL_GENERATE_SCRIPT),
    "Only in `gen_img.py`:",
    optionTable(GENERATE_OPTIONS, GENERATE_SCRIPT_ONLY),
    "Options that both scripts lack:",
    optionTable(GENERATE_OPTIONS, own(GENERATE_OPTIONS, generateNames)),
    "### Keys of a dataset_config file",
    "`general` and `datasets` take all keys except the two folders. `subsets` take the folders, and all keys except those about sizes and batches.",
    optionTable(DATASET_OPTIONS, Object.keys(DATASET_OPTIONS)),
  ].join("\n\n")}\n`
}

function optionTable(options: OptionTable, names: readonly string[]): string {
  return table(
    ["option", "", "effect, or reason"],
    names.map((name) => {
      const option = optionOf(options, name)
      return [`\`${name}\``, option.fate, describe(option)]
    }),
  )
}

function describe(option: AnyOption): string {
  if (option.fate === "taken") return describeOption(option)
  const sentence = `${option.reason.charAt(0).toUpperCase()}${option.reason.slice(1)}.`
  return option.fate === "refused" ? `${sentence} ${option.instead}` : sentence
}

function optionOf(table: OptionTable, name: string): AnyOption {
  const found = findOption(table, name)
  if (found === null) throw new Error(`the table lacks sd-scripts' option ${name}. Take, ignore or refuse it.`)
  return found[1]
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n")
}
