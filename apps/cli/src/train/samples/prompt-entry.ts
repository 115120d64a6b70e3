import type { SamplerName, Seed } from "@lllite/core/names"
import { nearest, readSeed, SAMPLER_NAMES } from "@lllite/core/names"

/** A picture to draw during a training, as its file says it. */
export interface SampleEntry {
  readonly prompt: string
  readonly negativePrompt?: string
  /** Pixels. */
  readonly width?: number
  readonly height?: number
  readonly steps?: number
  readonly guidanceScale?: number
  readonly seed?: Seed
  readonly sampler?: SamplerName
  /** The path of the control picture. */
  readonly control?: string
}

/** An entry with what is wrong with it, and what has no effect. One clause each. */
export interface ReadEntry {
  readonly entry: SampleEntry
  readonly problems: readonly string[]
  readonly unused: readonly string[]
}

interface EntryOption {
  readonly field: keyof SampleEntry
  /** Its name in a table. In a line it is `--` and the letters. */
  readonly key: string
  readonly expected: string
  /** Null: the value is not of the kind. */
  read(raw: unknown): SampleEntry[keyof SampleEntry] | null
}

const text = (raw: unknown): string | null => (typeof raw === "string" && raw !== "" ? raw : null)

/** A number of decimal digits, from a line or from a table. */
const decimal = (raw: unknown): number | null => {
  if (typeof raw === "number") return Number.isFinite(raw) && raw >= 0 ? raw : null
  return typeof raw === "string" && /^(\d+\.?\d*|\.\d+)$/.test(raw) ? Number(raw) : null
}

const whole = (raw: unknown): number | null => {
  const value = decimal(raw)
  return value !== null && Number.isSafeInteger(value) ? value : null
}

/** The longest side in pixels. */
const LONGEST = 16384

/** A side, rounded down to a multiple of 8, at least 64. Source: sd-scripts `sample_image_inference`. */
const side = (raw: unknown): number | null => {
  const value = whole(raw)
  return value === null || value === 0 || value > LONGEST ? null : Math.max(64, value - (value % 8))
}

/** The options of an entry by their letters in a line. Source: sd-scripts `line_to_prompt_dict`. */
const OPTIONS: ReadonlyMap<string, EntryOption> = new Map([
  ["w", { field: "width", key: "width", expected: `pixels up to ${LONGEST}`, read: side }],
  ["h", { field: "height", key: "height", expected: `pixels up to ${LONGEST}`, read: side }],
  ["d", { field: "seed", key: "seed", expected: "a whole number from 0 to 2^64 - 1", read: readSeed }],
  [
    "s",
    {
      field: "steps",
      key: "sample_steps",
      expected: "a number of steps",
      read: (raw) => {
        const steps = whole(raw)
        return steps === null ? null : Math.min(Math.max(steps, 1), 1000)
      },
    },
  ],
  [
    "l",
    {
      field: "guidanceScale",
      key: "scale",
      expected: "a number from 0 to 1000",
      read: (raw) => {
        const scale = decimal(raw)
        return scale !== null && scale <= 1000 ? scale : null
      },
    },
  ],
  ["n", { field: "negativePrompt", key: "negative_prompt", expected: "text", read: text }],
  [
    "ss",
    {
      field: "sampler",
      key: "sample_sampler",
      expected: "the name of a sampler",
      read: (raw) => SAMPLER_NAMES.find((name) => name === raw) ?? null,
    },
  ],
  ["cn", { field: "control", key: "controlnet_image", expected: "a picture's path", read: text }],
] as const satisfies readonly (readonly [string, EntryOption])[])

/** Options for other models, by their letters and by their names in tables. */
const OF_OTHER_MODELS: ReadonlyMap<string, string> = new Map([
  ["g", "guidance_scale"],
  ["ctr", "cfg_trunc_ratio"],
  ["rcfg", "renorm_cfg"],
  ["fs", "flow_shift"],
])

/**
 * Reads a line: `PROMPT --w 1024 --h 1024 --d 1 --cn control.png`. Names ignore case.
 *
 * Source: sd-scripts, which drops what it cannot read without a word.
 */
export function readLine(line: string): ReadEntry {
  const [prompt = "", ...parts] = ` ${line.trim()}`.split(" --")
  const options = parts.map((part) => {
    const [, name = "", value = ""] = /^(\S*)\s*([\s\S]*)$/.exec(part.trim()) ?? []
    return [`--${name}`, name.toLowerCase(), value] as const
  })
  const known = (letters: string): EntryOption | undefined => OPTIONS.get(letters)
  const names = [...OPTIONS.keys()].map((letters) => `--${letters}`)
  const isOther = (letters: string): boolean => OF_OTHER_MODELS.has(letters)
  return readOptions(prompt.trim(), options, { known, isOther, names })
}

/** Reads a table of TOML or JSON. */
export function readTable(table: Readonly<Record<string, unknown>>): ReadEntry {
  const { prompt = "", ...rest } = table
  const options = Object.entries(rest).map(([name, value]) => [name, name, value] as const)
  const byKey = new Map([...OPTIONS.values()].map((option) => [option.key, option]))
  const others = [...OF_OTHER_MODELS.values()]
  const read = readOptions(typeof prompt === "string" ? prompt.trim() : "", options, {
    known: (key) => byKey.get(key),
    isOther: (key) => others.includes(key),
    names: ["prompt", ...byKey.keys()],
  })
  return typeof prompt === "string" ? read : { ...read, problems: ["prompt is not a text", ...read.problems] }
}

interface Names {
  known(name: string): EntryOption | undefined
  isOther(name: string): boolean
  readonly names: readonly string[]
}

function readOptions(
  prompt: string,
  options: readonly (readonly [written: string, name: string, value: unknown])[],
  { known, isOther, names }: Names,
): ReadEntry {
  const values = new Map<keyof SampleEntry, unknown>()
  const problems: string[] = []
  const unused: string[] = []
  for (const [written, name, raw] of options) {
    const option = known(name)
    if (option === undefined) {
      if (isOther(name)) unused.push(written)
      else problems.push(unknownText(written, names))
      continue
    }
    const value = option.read(raw)
    if (values.has(option.field)) problems.push(`${written} appears twice. Keep one`)
    else if (value === null)
      problems.push(`${written} is ${JSON.stringify(raw)}, expected ${option.expected}${meant(option, raw)}`)
    else values.set(option.field, value)
  }
  return { entry: { prompt, ...Object.fromEntries(values) }, problems, unused }
}

function unknownText(written: string, names: readonly string[]): string {
  return `${JSON.stringify(written)} is not an option of a sample, expected ${names.join(", ")}`
}

/** The sampler that a wrong name may mean. */
function meant({ field }: EntryOption, raw: unknown): string {
  const near = field === "sampler" && typeof raw === "string" ? nearest(raw, SAMPLER_NAMES) : null
  return near === null ? "" : `. Did you mean ${near}?`
}
