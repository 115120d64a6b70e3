import type { PreprocessorOption, PreprocessorOptionName } from "@lllite/core/image"
import { PREPROCESSOR_NAMES, preprocessorOf } from "@lllite/core/image"
import { rangeText } from "@lllite/core/names"
import type { OptionTable, Reading, TakenOption } from "@lllite/runtime-node/options"
import { flag, taken } from "@lllite/runtime-node/options"

/** What `preprocess` does beside its kinds. */
const WORK = {
  list: flag({ help: "List the kinds with their options, and end." }),
  force: flag({ help: "Replace pictures that exist. An input is never replaced." }),
} satisfies OptionTable

type KindOptions = Readonly<Record<PreprocessorOptionName, TakenOption<number | boolean | undefined>>>

/** The options of all kinds, one for each name. Its range follows from the kind. */
const KINDS: KindOptions = kindOptions()

/** The names of the options of kinds. */
export const KIND_OPTION_NAMES = Object.keys(KINDS) as readonly PreprocessorOptionName[]

/** Options of `preprocess`. */
export const PREPROCESS_OPTIONS = { ...WORK, ...KINDS } satisfies OptionTable

/** The same by heading. */
export const PREPROCESS_GROUPS = [
  ["Options", WORK],
  ["Options of kinds", KINDS],
] as const

function kindOptions(): KindOptions {
  const names = new Set(PREPROCESSOR_NAMES.flatMap((kind) => Object.keys(preprocessorOf(kind).options)))
  return Object.fromEntries(Array.from(names, (name) => [name, kindOption(name)])) as KindOptions
}

/** One option, with what it does for each kind that has it. */
function kindOption(name: string): TakenOption<number | boolean | undefined> {
  const uses = PREPROCESSOR_NAMES.flatMap((kind) => {
    const option = preprocessorOf(kind).options[name]
    return option === undefined ? [] : [{ kind, option }]
  })
  const texts = new Map<string, string[]>()
  for (const { kind, option } of uses) {
    const text = describeKindOption(option)
    texts.set(text, [...(texts.get(text) ?? []), kind])
  }
  const help = Array.from(texts, ([text, kinds]) => `${kinds.join(", ")}: ${text}`).join(" ")
  const isFlag = uses.every(({ option }) => typeof option.default === "boolean")
  return taken<number | boolean | undefined>(
    {
      arity: isFlag ? "none" : "one",
      valueName: isFlag ? "" : "number",
      empty: undefined,
      read: isFlag ? readSwitch : readNumber,
    },
    { help },
  )
}

/** What an option does, with its range and its default. */
export function describeKindOption(option: PreprocessorOption): string {
  if (typeof option.default === "boolean") return option.help
  const standard = option.default === null ? "" : ` Default: ${option.default}.`
  const range = rangeText(option as Exclude<PreprocessorOption, { readonly default: boolean }>)
  return `${option.help} Values: ${range}.${standard}`
}

function readSwitch(raw: unknown): Reading<boolean> {
  if (raw === true || /^(true|1|yes)$/i.test(String(raw))) return { value: true }
  return /^(false|0|no)$/i.test(String(raw)) ? { value: false } : { expected: "true or false" }
}

/** The range is the kind's, so it is checked later. */
function readNumber(raw: unknown): Reading<number> {
  const isNumber = typeof raw === "string" && /^[+-]?(\d+\.?\d*|\.\d+)$/.test(raw)
  return isNumber ? { value: Number(raw) } : { expected: "a number" }
}
