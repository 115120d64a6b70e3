import { InputError } from "../errors.ts"
import { decodeText } from "../files/read-text.ts"
import { readSmallFile } from "../files/regular-file.ts"
import { shown } from "../options/read.ts"
import { parseJson } from "../settings-file/index.ts"

/** What a metadata file says about a picture. */
export interface MetadataEntry {
  /** The caption, with all of its lines. Empty: there is none. */
  readonly caption: string
  /** Tags that follow the caption. Empty: there are none. */
  readonly tags: string
}

/** A metadata file of sd-scripts' fine-tuning: captions of pictures, by path or name. */
export interface MetadataFile {
  readonly path: string
  /** Entries by their key. Null: the entry cannot be used, and a problem says why. */
  readonly entries: ReadonlyMap<string, MetadataEntry | null>
  /** One sentence for each entry that cannot be used. */
  readonly problems: readonly string[]
  /** Whether an entry has `train_resolution`, which is not read. */
  readonly hasResolution: boolean
}

/** The most bytes of a metadata file. A million pictures with captions of 200 letters fit in. */
const MOST_BYTES = 400 * 2 ** 20

const EXAMPLE = 'such as {"a": {"caption": "a red ring", "tags": "ring, red"}}'
const LINE_EXAMPLE = 'such as {"image_path": "a.png", "caption": "a red ring"}'

/**
 * Reads a metadata file: a JSON object of `{ "path or name": { "caption", "tags" } }`. A file `.jsonl` has an object
 * `{ "image_path", "caption", "tags" }` in each line. Sizes in it are not read, as the pictures have them.
 *
 * Source: sd-scripts `library/train_util.py`, `FineTuningDataset`.
 *
 * @throws InputError when the file cannot be read, is not JSON, or has no entries
 */
export async function readMetadataFile(path: string): Promise<MetadataFile> {
  const text = decodeText(await readSmallFile(path, MOST_BYTES, "a metadata file"), path)
  const isLines = path.toLowerCase().endsWith(".jsonl")
  const problems: string[] = []
  const values = isLines ? valuesOfLines(text, path, problems) : valuesOf(text, path)
  if (values.length === 0 && problems.length === 0) {
    const form = isLines ? `a line for each picture, ${LINE_EXAMPLE}` : `an object, ${EXAMPLE}`
    throw new InputError("dataset-files", `the metadata file "${path}" has no entries, expected ${form}.`)
  }
  const entries = new Map<string, MetadataEntry | null>()
  let hasResolution = false
  for (const { key, value, where } of values) {
    const problem = entryProblem(value) ?? (entries.has(key) ? `the picture ${shown(key)} has an entry before` : null)
    if (problem !== null || !isObject(value)) {
      problems.push(`the metadata file "${path}", ${where}: ${problem}`)
      if (!entries.has(key)) entries.set(key, null)
      continue
    }
    hasResolution ||= value.train_resolution != null
    entries.set(key, { caption: textOf(value.caption), tags: textOf(value.tags) })
  }
  return { path, entries, problems, hasResolution }
}

/** The value of an entry, and its place in the file. */
interface PlacedValue {
  readonly key: string
  readonly value: unknown
  readonly where: string
}

function valuesOf(text: string, path: string): readonly PlacedValue[] {
  const table = parseJson(text.replace(/^\ufeff/, ""), path)
  if (!isObject(table)) {
    const what = Array.isArray(table) ? "a list" : shown(table)
    throw new InputError("config-kind", `the metadata file "${path}" is ${what}, expected an object, ${EXAMPLE}`)
  }
  return Object.entries(table).map(([key, value]) => ({ key, value, where: `entry ${shown(key)}` }))
}

/** The values of JSON lines. Problems of others are added to `problems`. */
function valuesOfLines(text: string, path: string, problems: string[]): readonly PlacedValue[] {
  const values: PlacedValue[] = []
  for (const [index, line] of text
    .replace(/^\ufeff/, "")
    .split(/\r\n|\r|\n/)
    .entries()) {
    if (line.trim() === "") continue
    const where = `line ${index + 1}`
    const value = parsed(line)
    const key = isObject(value) ? value.image_path : undefined
    if (typeof key === "string" && key !== "") values.push({ key, value, where })
    else {
      const what =
        value === undefined
          ? "it is not valid JSON"
          : isObject(value)
            ? `image_path is ${shown(key)}`
            : `it is ${shown(value)}`
      problems.push(`the metadata file "${path}", ${where}: ${what}, expected an object ${LINE_EXAMPLE}`)
    }
  }
  return values
}

/** The value of a line. Undefined: it is not JSON. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** Why an entry cannot be used, or null. */
function entryProblem(value: unknown): string | null {
  if (!isObject(value)) return `it is ${shown(value)}, expected an object such as {"caption": "a red ring"}`
  for (const name of ["caption", "tags"] as const) {
    const text = value[name]
    if (text == null || typeof text === "string") continue
    const advice = Array.isArray(text) ? ". Join the list by commas" : ""
    return `${name} is ${shown(text)}, expected a text${advice}`
  }
  return null
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : ""
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
