import { InputError } from "@lllite/runtime-node/files"
import type { Layer, OptionEntry, OptionTable, Problem, SettingsText } from "@lllite/runtime-node/options"
import { findOption, looksLikeJson, parseToml, readLayer, readSettingsText } from "@lllite/runtime-node/options"

/**
 * Reads a file of options: TOML with sd-scripts' option names. As in sd-scripts, sections have no meaning and are
 * flattened, and the path may lack `.toml`.
 *
 * @param others options of another command, which such a file may have, too. They are passed over
 * @throws InputError when it cannot be read or is not TOML
 */
export async function readConfigLayer(table: OptionTable, path: string, others: OptionTable = {}): Promise<Layer> {
  const { found, text, notices } = await readText(path)
  const where = `"${found}"`
  if (looksLikeJson(text)) throw new InputError("config-kind", `${where} is JSON, expected TOML. ${GUI_SETTINGS}`)
  const { table: toml, lineOf } = parseToml(text, found)
  const problems: Problem[] = []
  const report = (path: string, problem: string): void => {
    const line = lineOf(path)
    problems.push(line === undefined ? { where, text: problem } : { where, line, text: problem })
  }
  const entryOf = (name: string, value: unknown, path: string): OptionEntry => [name, value, undefined, lineOf(path)]
  const entries = Object.entries(toml).flatMap(([name, value]): readonly OptionEntry[] => {
    if (!isSection(value)) {
      if (!isListOfTables(value)) return [entryOf(name, value, name)]
      report(`${name}[0]`, foreignTables(name))
      return []
    }
    return Object.entries(value).flatMap(([inner, option]) => {
      const path = `${name}.${inner}`
      if (!isSection(option) && !isListOfTables(option)) return [entryOf(inner, option, path)]
      report(path, `${inner} is a section inside a section, expected an option`)
      return []
    })
  })
  const isOwn = ([name]: OptionEntry): boolean => findOption(table, name) !== null || findOption(others, name) === null
  const layer = readLayer(table, { where, entries: entries.filter(isOwn) })
  return { ...layer, notes: [...notices, ...layer.notes], problems: [...layer.problems, ...problems] }
}

/** The kohya_ss GUI saves its settings as JSON with other names, and writes TOML for sd-scripts when a run begins. */
const GUI_SETTINGS =
  "Write lines of TOML: name = value. The kohya_ss GUI writes such a file into its output folder when a run begins."

/** The problem of a list of tables, which no option takes. */
function foreignTables(name: string): string {
  return name === "datasets"
    ? "datasets is a list of tables. This is a file of data sets. Give it as dataset_config."
    : `there is no option ${name}. It is a list of tables, and an option has one value.`
}

async function readText(path: string): Promise<SettingsText & { readonly found: string }> {
  const candidates = path.endsWith(".toml") ? [path] : [path, `${path}.toml`]
  let failure: unknown
  for (const found of candidates) {
    try {
      return { found, ...(await readSettingsText(found)) }
    } catch (cause) {
      // Another name is tried only if there is no such file.
      if (!(cause instanceof InputError) || cause.code !== "file") throw cause
      failure ??= cause
    }
  }
  throw failure
}

function isListOfTables(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isSection)
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)
}
