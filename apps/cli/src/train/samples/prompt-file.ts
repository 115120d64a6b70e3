import { isPromptLine } from "@lllite/core"
import type { RgbImage } from "@lllite/core/image"
import { InputError, readImage } from "@lllite/runtime-node"
import type { Problem } from "@lllite/runtime-node/options"
import { describeProblems, looksLikeJson, parseJson, parseToml, readSettingsText } from "@lllite/runtime-node/options"
import type { ReadEntry, SampleEntry } from "./prompt-entry.ts"
import { readLine, readTable } from "./prompt-entry.ts"

/** The pictures that a file of samples asks for, and what of it has no effect, one sentence each. */
export interface SampleFile {
  /** Each with the control picture that it names. */
  readonly entries: readonly (SampleEntry & { readonly picture: RgbImage })[]
  readonly notices: readonly string[]
}

/** The most samples of a file. Each of them is drawn again and again. */
const MOST_SAMPLES = 100

/**
 * Reads a file of samples, as sd-scripts has it: lines (.txt), `[prompt]` with `[[prompt.subset]]` (.toml), or a list
 * (.json).
 *
 * @throws InputError with all problems of the file and of the control pictures that it names
 */
export async function readSampleFile(path: string): Promise<SampleFile> {
  const { text, notices } = await readSettingsText(path)
  const found = path.toLowerCase().endsWith(".toml")
    ? ofToml(text, path)
    : path.toLowerCase().endsWith(".json") || looksLikeJson(text)
      ? ofJson(text, path)
      : ofLines(text)
  const tooMany = found.length > MOST_SAMPLES
  const problems: Problem[] = []
  const entries: (SampleEntry & { readonly picture: RgbImage })[] = []
  for (const { where, line, read } of found) {
    const all = [...read.problems]
    const { control } = read.entry
    // So many pictures are not read: the file is refused anyway.
    const picture = control === undefined || tooMany ? null : await readControl(control, (text) => all.push(text))
    if (picture !== null) entries.push({ ...read.entry, picture })
    if (control === undefined) all.push(NO_CONTROL)
    problems.push(
      ...all.map((problem) =>
        line === undefined
          ? { where: `"${path}"`, text: `${where}: ${problem}` }
          : { where: `"${path}"`, line, text: problem },
      ),
    )
  }
  if (problems.length > 0) throw new InputError("prompt-file", describeProblems(`"${path}"`, problems), { problems })
  if (found.length === 0) throw new InputError("prompt-file", `"${path}" has no prompt. Write one in each line.`)
  if (tooMany) {
    throw new InputError(
      "prompt-file",
      `"${path}" has ${found.length} prompts, expected at most ${MOST_SAMPLES}. All of them are drawn each time. Keep the telling ones.`,
    )
  }
  const unused = [...new Set(found.flatMap(({ read }) => read.unused))]
  return {
    entries,
    notices: [
      ...notices,
      ...(unused.length === 0 ? [] : [`${unused.join(", ")} in "${path}" belong to other models, and have no effect.`]),
    ],
  }
}

async function readControl(path: string, report: (text: string) => void): Promise<RgbImage | null> {
  try {
    return await readImage(path)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    report(error.message)
    return null
  }
}

const NO_CONTROL =
  "there is no control picture. Name one with --cn (controlnet_image in TOML and JSON), or leave out sample_prompts to draw pairs of the data set"

interface Found {
  /** The place in the file, for people. */
  readonly where: string
  readonly line?: number
  readonly read: ReadEntry
}

function ofLines(text: string): readonly Found[] {
  return text
    .split(/\r\n|\r|\n/)
    .flatMap((line, i) => (isPromptLine(line) ? [{ where: `prompt ${i + 1}`, line: i + 1, read: readLine(line) }] : []))
}

function ofToml(text: string, path: string): readonly Found[] {
  const { table, lineOf } = parseToml(text, path)
  const { prompt: base } = table
  if (!isTable(base)) {
    throw new InputError("prompt-file", `"${path}" has no table [prompt], expected one with [[prompt.subset]] in it.`)
  }
  const { subset, ...shared } = base
  const subsets: readonly unknown[] = Array.isArray(subset) ? subset : subset === undefined ? [{}] : [subset]
  return subsets.map((one, i) => {
    const line = lineOf(`prompt.subset[${i}]`)
    const read = isTable(one) ? readTable({ ...shared, ...one }) : notTable("a table")
    return { where: `subset ${i + 1}`, ...(line === undefined ? {} : { line }), read }
  })
}

function ofJson(text: string, path: string): readonly Found[] {
  const value = parseJson(text, path)
  if (!Array.isArray(value)) {
    throw new InputError("prompt-file", `"${path}" is not a list in JSON, expected a list of objects.`)
  }
  return value.map((one: unknown, i) => ({
    where: `entry ${i + 1}`,
    read: typeof one === "string" ? readLine(one) : isTable(one) ? readTable(one) : notTable("an object or a line"),
  }))
}

function notTable(expected: string): ReadEntry {
  return {
    entry: { prompt: "", control: "" },
    problems: [`an entry is of another kind, expected ${expected}`],
    unused: [],
  }
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)
}
