import { InputError, writeAtomically } from "@lllite/runtime-node/files"
import type { OptionTable, TakenOption, TomlValue } from "@lllite/runtime-node/options"
import { asksForNothing, findOption, tomlText } from "@lllite/runtime-node/options"
import { UsageError } from "../terminal/errors.ts"

/** Options that name secrets, which no file gets. */
const SECRETS = ["wandb_api_key", "huggingface_token"]
/** The largest integer of TOML. */
const LARGEST = 2n ** 63n - 1n

/**
 * Options of a command line as a file that `readConfigLayer` reads with the same values. Those that ask for nothing are
 * left out, and so are secrets. Options without effect stay, because sd-scripts may follow them.
 *
 * @param leftOut names of further options that the file does not get
 */
export function optionsText(
  table: OptionTable,
  entries: Iterable<readonly [written: string, value: unknown]>,
  leftOut: readonly string[],
): string {
  const values: Record<string, TomlValue> = {}
  for (const [written, raw] of entries) {
    const found = findOption(table, written)
    if (found === null) continue
    const [name, option] = found
    if (leftOut.includes(name) || SECRETS.includes(name) || asksForNothing(raw, option.nothing)) continue
    const value = option.fate === "taken" ? storedValue(option, raw) : plainValue(raw)
    if (value !== null) values[name] = value
  }
  return tomlText(values)
}

/**
 * Writes the options of a command line to the file that its `config_file` names. As in sd-scripts, the file gets the
 * ending `.toml`, and no file is replaced.
 *
 * @returns its path
 * @throws UsageError when it is there; InputError when it cannot be written
 */
export async function writeOptions(path: string, text: string): Promise<string> {
  const named = path.endsWith(".toml") ? path : `${path}.toml`
  try {
    return await writeAtomically(named, text, { existing: "refuse" })
  } catch (error) {
    if (!(error instanceof InputError) || error.code !== "output-exists") throw error
    throw new UsageError("options", `"${named}" is there already. Give --config_file a name that is free.`)
  }
}

/** A value that the option reads alike. It has the type of the value, where texts of other types mean the same. */
function storedValue(option: TakenOption<unknown>, raw: unknown): TomlValue | null {
  const reading = option.read(raw)
  if (!("value" in reading)) return null
  const { value } = reading
  if (typeof value === "boolean") return value
  if (typeof value === "number") return Number.isFinite(value) ? value : null
  if (typeof value === "bigint") return value <= LARGEST ? value : String(value)
  if (isNumbers(value) && Array.isArray(raw)) return value
  // Steps: sd-scripts reads a percentage on a command line alone.
  if (isSteps(value)) return value.steps
  if (isShare(value) && value.share > 0 && value.share < 1) return value.share
  return plainValue(raw)
}

/** A value as a command line has it. */
function plainValue(raw: unknown): TomlValue | null {
  if (typeof raw === "string" || typeof raw === "boolean") return raw
  return Array.isArray(raw) ? raw.map(String) : null
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "number")
}

function isSteps(value: unknown): value is { readonly steps: number } {
  return typeof value === "object" && value !== null && "steps" in value && typeof value.steps === "number"
}

function isShare(value: unknown): value is { readonly share: number } {
  return typeof value === "object" && value !== null && "share" in value && typeof value.share === "number"
}
