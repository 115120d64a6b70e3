import type { OptionEntry, OptionTable, Settings, TakenOption } from "@lllite/runtime-node/options"
import type { GENERATE_OPTIONS } from "../generate/options.ts"
import type { Axis } from "./axis.ts"

type BaseSettings = Pick<Settings<typeof GENERATE_OPTIONS>, "prompt" | "negativePrompt" | "controlNetLlliteModels">

/** A choice of a value on each axis. */
export interface CellChoice {
  readonly axis: Axis
  /** The index of the value. */
  readonly index: number
}

/**
 * The options that a cell of a sheet changes.
 *
 * @returns entries for the options' table, or what is wrong
 */
export function cellEntries(
  table: OptionTable,
  base: BaseSettings,
  choices: readonly CellChoice[],
): readonly OptionEntry[] | { readonly problem: string } {
  const entries: OptionEntry[] = []
  let { prompt = "", negativePrompt } = base
  for (const { axis, index } of choices) {
    const value = axis.values[index] ?? ""
    if (axis.kind === "prompt") {
      const [search = ""] = axis.values
      if (!prompt.includes(search) && negativePrompt?.includes(search) !== true) {
        return { problem: `"${axis.label}" looks for ${JSON.stringify(search)}, which is in no prompt` }
      }
      prompt = prompt.replaceAll(search, value)
      negativePrompt = negativePrompt?.replaceAll(search, value)
      continue
    }
    const found = entriesOf(table, base, axis, value)
    if ("problem" in found) return found
    entries.push(...found)
  }
  if (choices.some(({ axis }) => axis.kind === "prompt")) {
    entries.push(["prompt", prompt])
    if (negativePrompt !== undefined) entries.push(["negative_prompt", negativePrompt])
  }
  return entries
}

function entriesOf(
  table: OptionTable,
  { controlNetLlliteModels: models }: BaseSettings,
  { kind, label, option }: Axis,
  value: string,
): readonly OptionEntry[] | { readonly problem: string } {
  if (kind === "size") {
    const [, width, height] = /^(\d+)\s*[x×]\s*(\d+)$/i.exec(value) ?? []
    if (width === undefined) return { problem: `${label}=${value}: expected WIDTHxHEIGHT such as 1024x768` }
    return [
      ["W", width, label],
      ["H", height, label],
    ]
  }
  if (kind !== "option") {
    if (models.length > 0) return [[option, models.map(() => value), label]]
    if (kind === "strength") return [["strength", value, label]]
    return [[option, [value], label]]
  }
  const entry = table[option] as TakenOption<unknown>
  if (entry.arity === "many") return [[option, [value], label]]
  return [[option, spelled(entry, value), label]]
}

/** A value as an option spells it: A1111 writes names with capitals and spaces. */
function spelled(option: TakenOption<unknown>, value: string): string {
  const plain = value.toLowerCase().replaceAll(/ +/g, "_")
  return "value" in option.read(value) || !("value" in option.read(plain)) ? value : plain
}
