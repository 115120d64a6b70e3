import { readFile } from "node:fs/promises"
import { fileError } from "@lllite/runtime-node/files"
import type { Layer, OptionTable, Problem } from "@lllite/runtime-node/options"
import { readLayer, tomlReason } from "@lllite/runtime-node/options"
import { UsageError } from "../terminal/errors.ts"

/**
 * Reads a file of options: TOML with sd-scripts' option names. As in sd-scripts, sections have no meaning and are
 * flattened, and the path may lack `.toml`.
 *
 * @throws InputError when it cannot be read; UsageError when it is not TOML
 */
export async function readConfigLayer(table: OptionTable, path: string): Promise<Layer> {
  const { found, text } = await readToml(path)
  const { parse } = await import("smol-toml")
  const where = `"${found}"`
  let toml: Readonly<Record<string, unknown>>
  try {
    toml = parse(text)
  } catch (cause) {
    throw new UsageError("config-syntax", `${where} is not valid TOML${tomlReason(cause)}`)
  }
  const problems: Problem[] = []
  const entries = Object.entries(toml).flatMap(([name, value]) => {
    if (!isSection(value)) return [[name, value] as const]
    return Object.entries(value).filter(([inner, option]) => {
      const isNested = isSection(option)
      if (isNested) problems.push({ where, text: `${inner} is a section inside a section, expected an option` })
      return !isNested
    })
  })
  const layer = readLayer(table, { where, entries })
  return { ...layer, problems: [...layer.problems, ...problems] }
}

async function readToml(path: string): Promise<{ readonly found: string; readonly text: string }> {
  const candidates = path.endsWith(".toml") ? [path] : [path, `${path}.toml`]
  let failure: unknown
  for (const found of candidates) {
    try {
      return { found, text: await readFile(found, "utf8") }
    } catch (cause) {
      failure ??= cause
    }
  }
  throw fileError("read", path, failure)
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)
}
