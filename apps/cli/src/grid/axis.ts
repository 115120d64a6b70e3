import type { OptionTable } from "@lllite/runtime-node/options"
import { findOption, optionName } from "@lllite/runtime-node/options"

/** What one axis of a sheet changes, with its values. */
export interface Axis {
  /** The name as it was written, for labels. */
  readonly label: string
  readonly kind: "option" | "strength" | "start" | "end" | "prompt" | "size"
  /** The option that changes. Of other kinds than `option`, the one that is shown in errors. */
  readonly option: string
  readonly values: readonly string[]
}

/** An axis, or what is wrong with it. */
export type AxisReading = { readonly axis: Axis } | { readonly problem: string }

/** Names of axes beside the options, with those of A1111's X/Y/Z plot. */
const NAMES: Readonly<Record<string, Pick<Axis, "kind" | "option">>> = {
  ...alias("strength", "control_net_multipliers", "strength", "weight", "multiplier", "[controlnet]_weight"),
  ...alias("start", "lllite_starts", "start", "[controlnet]_guidance_start"),
  ...alias("end", "control_net_ratios", "end", "[controlnet]_guidance_end"),
  ...alias("prompt", "prompt", "prompt_s/r", "prompt_sr", "prompt_search", "s/r"),
  ...alias("size", "W", "size"),
  ...alias("option", "scale", "cfg_scale", "cfg"),
  ...alias("option", "strength", "denoising", "denoising_strength"),
  ...alias("option", "ckpt", "checkpoint", "checkpoint_name"),
  ...alias("option", "lllite_combine", "combine"),
  ...alias("option", "lllite_curves", "curve"),
  ...alias("option", "lllite_blocks", "blocks"),
  ...alias("option", "control_net_lllite_models", "lllite"),
  ...alias("option", "guide_image_path", "guide", "control"),
  ...alias("option", "control_net_types", "control_type", "control_types"),
}

function alias(kind: Axis["kind"], option: string, ...names: readonly string[]): typeof NAMES {
  return Object.fromEntries(names.map((name) => [name, { kind, option }]))
}

/** The most values of an axis. */
export const MOST_VALUES = 64

/**
 * Reads an axis: `NAME=VALUE,VALUE,…`. A value with a comma stands in double quotes. Numbers may be ranges in A1111's
 * way: `1-5`, `1-10 (+2)`, `0-1 [5]`.
 */
export function readAxis(table: OptionTable, text: string): AxisReading {
  const equals = text.indexOf("=")
  if (equals < 1) return { problem: "expected NAME=VALUE,VALUE,… such as seed=1,2,3" }
  const label = text.slice(0, equals).trim()
  const found = findAxis(table, label)
  if (found === null)
    return { problem: `there is no axis ${JSON.stringify(label)}, expected an option of generate, ${AXES}` }
  const entries = splitValues(text.slice(equals + 1)).map((value) => rangeOf(value, accepts(table, found)) ?? value)
  // Ranges are counted before their numbers are made.
  const count = entries.reduce((sum, entry) => sum + (typeof entry === "string" ? 1 : entry.count), 0)
  if (count === 0 || entries.includes("")) return { problem: "a value is empty, expected one or more values" }
  if (count > MOST_VALUES) return { problem: `there are ${count} values, expected at most ${MOST_VALUES}` }
  const values = entries.flatMap((entry) => (typeof entry === "string" ? [entry] : entry.numbers()))
  return { axis: { ...found, label, values } }
}

const AXES = "strength, start, end, size, prompt_sr, or a name of A1111's such as CFG Scale"

function findAxis(table: OptionTable, label: string): Pick<Axis, "kind" | "option"> | null {
  const name = optionName(label.toLowerCase().replaceAll(/ +/g, "_"))
  const named = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined
  if (named !== undefined) return table[named.option]?.fate === "taken" ? named : null
  const [option, entry] = findOption(table, label.trim()) ?? findOption(table, name) ?? []
  return option === undefined || entry?.fate !== "taken" ? null : { kind: "option", option }
}

/** Splits at commas outside of double quotes. */
function splitValues(text: string): readonly string[] {
  const values = [...text.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*))\s*(?:,|$)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? (plain ?? "").trim(),
  )
  // The pattern matches once more at the end.
  return values.at(-1) === "" ? values.slice(0, -1) : values
}

/** Whether an option takes a text as it is. */
function accepts(table: OptionTable, { kind, option }: Pick<Axis, "kind" | "option">): (text: string) => boolean {
  const entry = table[option]
  return (text) => {
    if (kind === "prompt" || kind === "size" || entry?.fate !== "taken") return true
    return "value" in entry.read(entry.arity === "many" ? [text] : text)
  }
}

const NUMBER = "([+-]?\\d+(?:\\.\\d+)?)"
const RANGE = new RegExp(
  `^${NUMBER}\\s*-\\s*${NUMBER}(?:\\s*\\(\\s*([+-]\\d+(?:\\.\\d+)?)\\s*\\)|\\s*\\[\\s*(\\d+)\\s*\\])?$`,
)

/** Numbers with equal steps. */
interface NumberRange {
  readonly count: number
  numbers(): readonly string[]
}

/** A range. Null for a text that is none, or that the option takes as it is. */
function rangeOf(text: string, isTaken: (text: string) => boolean): NumberRange | null {
  if (isTaken(text)) return null
  const [, from, to, step, number] = RANGE.exec(text) ?? []
  if (from === undefined || to === undefined) return null
  const [first, last] = [Number(from), Number(to)]
  const by = step === undefined ? (first <= last ? 1 : -1) : Number(step)
  if (by === 0 || (last - first) * by < 0) return null
  const count = number === undefined ? Math.floor((last - first) / by + 1e-9) + 1 : Number(number)
  const each = number === undefined ? by : count === 1 ? 0 : (last - first) / (count - 1)
  return {
    count,
    numbers: () => Array.from({ length: count }, (_, i) => String(Number((first + i * each).toFixed(6)))),
  }
}
