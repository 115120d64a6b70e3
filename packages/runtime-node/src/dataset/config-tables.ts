import { InputError } from "../errors.ts"
import type { Problem } from "../options/problems.ts"
import { findOption, shown } from "../options/read.ts"
import { looksLikeJson, parseJson, parseToml, type Toml } from "../settings-file/index.ts"
import { DATASET_OPTIONS } from "./dataset-options.ts"

type Table = Readonly<Record<string, unknown>>

/** The tables of a data set's file, which is TOML or JSON. @throws InputError with the place of a mistake */
export function parseTables(text: string, label: string): Toml {
  if (!looksLikeJson(text)) return parseToml(text, label)
  const table = parseJson(text, label)
  if (!isTable(table)) {
    throw new InputError("config-kind", `"${label}" is a list in JSON, expected an object with general and datasets`)
  }
  return { table, lineOf: () => undefined }
}

/** A problem with its line, if there is one. */
export function placed(where: string, line: number | undefined, text: string): Problem {
  return line === undefined ? { where, text } : { where, line, text }
}

/** Names of sd-scripts' other files of pictures: image lists of finetuning, and prompts for samples. */
const OTHER_FILES: ReadonlyMap<string, string> = new Map([
  ["prompt", "It may be a file of prompts, which is not a data set."],
  ["settings", "It may be the config.toml of the kohya_ss GUI, which is not a data set."],
])

/** The problem of a name outside of all tables. @param ownOption see `DatasetNames` */
export function unknownTable(
  key: string,
  { ownOption = () => null }: { readonly ownOption?: (name: string) => string | null },
): string {
  if (findOption(DATASET_OPTIONS, key) !== null) return `${key} is outside of all tables. Put it below [general].`
  const advice = ownOption(key) ?? OTHER_FILES.get(key)
  return advice === undefined
    ? `there is no table ${key}. Tables are general and datasets.`
    : `${key} does not belong to a file of data sets. ${advice}`
}

/** Reads tables of a file. A value of another kind is a problem, and an empty table in its place. */
export interface TableReader {
  one(value: unknown, path: string): Table
  /** @param header the name between [[ and ]] */
  list(value: unknown, path: string, header: string): readonly Table[]
}

/** A reader of tables that adds its problems to a list. */
export function createTableReader(label: string, lineOf: Toml["lineOf"], problems: Problem[]): TableReader {
  const one = (value: unknown, path: string): Table => {
    if (isTable(value)) return value
    problems.push(placed(label, lineOf(path), `${path} is ${shown(value)}, expected a table`))
    return {}
  }
  return {
    one,
    list(value, path, header) {
      if (Array.isArray(value) && value.length > 0) return value.map((entry, i) => one(entry, `${path}[${i}]`))
      const [name = path] = path.split(".").reverse()
      const parent = path.slice(0, -name.length - 1)
      const where = parent === "" ? label : `${label}: ${parent}`
      problems.push(
        placed(
          where,
          lineOf(path) ?? lineOf(parent),
          `${name} is ${shown(value)}, expected at least one table, written [[${header}]]`,
        ),
      )
      return []
    },
  }
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)
}
