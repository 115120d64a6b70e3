import type { Command } from "commander"
import { Option } from "commander"
import { UsageError } from "../terminal/errors.ts"

/** What an option's value is. `texts` and `numbers` are lists; `steps` counts steps or says a share of them. */
export type OptionKind = "text" | "integer" | "number" | "flag" | "texts" | "numbers" | "steps"

/** An option by sd-scripts' name, on the command line and in TOML alike. */
export interface OptionSpec {
  readonly name: string
  readonly kind: OptionKind
  readonly help: string
  readonly choices?: readonly string[]
}

/** Steps as `lr_warmup_steps` gives them: a count, or a share of the whole run. */
export type StepCount = { readonly steps: number } | { readonly share: number }

export type OptionValue = string | number | boolean | readonly string[] | readonly number[] | StepCount

/** Values by name, from one place. */
export type OptionValues = Readonly<Record<string, OptionValue>>

/**
 * Dashes and underscores mean the same in the name of a long option: `--network-dim=4` becomes `--network_dim=4`.
 * What follows a lone `--` stays as it is.
 */
export function normaliseArgv(argv: readonly string[]): string[] {
  const end = argv.indexOf("--")
  return argv.map((argument, i) => {
    if ((end >= 0 && i >= end) || !argument.startsWith("--")) return argument
    const [name = "", ...value] = argument.slice(2).split("=")
    return ["--", name.replaceAll("-", "_"), ...value.map((part) => `=${part}`)].join("")
  })
}

/** Adds options to a command. */
export function addOptions(command: Command, specs: readonly OptionSpec[]): Command {
  for (const { name, kind, help, choices } of specs) {
    const argument = kind === "flag" ? "" : kind === "texts" || kind === "numbers" ? " <values...>" : " <value>"
    const listed = choices === undefined ? help : `${help} (${choices.join(", ")})`
    command.addOption(new Option(`--${name}${argument}`, listed))
  }
  return command
}

/** Reads the values that a command line or a TOML table gave. @throws UsageError naming the option */
export function readValues(
  specs: readonly OptionSpec[],
  given: Readonly<Record<string, unknown>>,
  where: string,
): OptionValues {
  const values: Record<string, OptionValue> = {}
  for (const spec of specs) {
    const value = given[spec.name]
    if (value !== undefined) values[spec.name] = readValue(spec, value, where)
  }
  return values
}

function readValue(spec: OptionSpec, value: unknown, where: string): OptionValue {
  const refuse = (expected: string): UsageError =>
    new UsageError(`${where}: ${spec.name} is ${JSON.stringify(value)}, expected ${expected}`)
  const { kind, choices } = spec
  switch (kind) {
    case "flag":
      if (typeof value === "boolean") return value
      throw refuse("true or false")
    case "integer":
    case "number":
      return readNumber(value, kind, refuse)
    case "numbers":
      return listOf(value).map((entry) => readNumber(entry, "number", refuse))
    case "texts":
      return listOf(value).map((entry) => {
        if (typeof entry === "string") return entry
        throw refuse("text, or a list of texts")
      })
    case "steps":
      return readSteps(value, refuse)
    default: {
      // TOML has numbers where a command line has text, for example in a name or a resolution.
      const text = typeof value === "number" ? String(value) : Array.isArray(value) ? value.join(",") : value
      if (typeof text !== "string") throw refuse("text")
      if (choices !== undefined && !choices.includes(text)) throw refuse(`one of ${choices.join(", ")}`)
      return text
    }
  }
}

function readNumber(value: unknown, kind: "integer" | "number", refuse: (expected: string) => UsageError): number {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value
  if (kind === "integer" && Number.isSafeInteger(number)) return number as number
  if (kind === "number" && Number.isFinite(number)) return number as number
  throw refuse(kind === "integer" ? "a whole number" : "a number")
}

/** A whole number of steps, a share below 1, or a percentage, as in sd-scripts. */
function readSteps(value: unknown, refuse: (expected: string) => UsageError): StepCount {
  const [, percent] = typeof value === "string" ? (/^([\d.]+)%$/.exec(value) ?? []) : []
  const number = percent === undefined ? Number(value === "" ? Number.NaN : value) : Number(percent) / 100
  if (percent !== undefined && number >= 0 && number <= 1) return { share: number }
  if (percent === undefined && Number.isSafeInteger(number) && number >= 0) return { steps: number }
  if (percent === undefined && number > 0 && number < 1) return { share: number }
  throw refuse('a number of steps, a share of them such as 0.1, or "10%"')
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value]
}
