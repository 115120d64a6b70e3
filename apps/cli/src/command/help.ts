import type { AnyOption, OptionTable, TakenOption } from "@lllite/runtime-node/options"
import type { CommandSpec, OptionGroup } from "./spec.ts"

/** Characters in a line of help. */
const WIDTH = 100
/** Where descriptions begin. */
const COLUMN = 34

/** A command's help. */
export function commandHelp<Table extends OptionTable>(
  { name, description, positionals }: Pick<CommandSpec<Table>, "name" | "description" | "positionals">,
  groups: readonly OptionGroup[],
  which: "taken" | "all",
): string {
  const usage = ["Usage: lllite", name, positionals?.text ?? "", "[options]"].filter((part) => part !== "").join(" ")
  const listed = groups.map(([heading, options]) => [heading, Object.entries(options)] as const)
  const taken = listed.map(([heading, options]) => [
    `${heading}:`,
    ...options.flatMap(([option, value]) => (value.fate === "taken" ? optionLines(option, value) : [])),
  ])
  const others = (["ignored", "refused"] as const).flatMap((fate) => {
    const lines = listed.flatMap(([, options]) =>
      options.filter(([, value]) => value.fate === fate).flatMap(otherLines),
    )
    return lines.length === 0 ? [] : [[fate === "ignored" ? "Accepted, without effect:" : "Refused:", ...lines]]
  })
  const hasOthers = others.length > 0
  const helpText = hasOthers
    ? "Show this help. With all: also the options of sd-scripts that have no effect or are refused."
    : "Show this help."
  const sections = [
    [usage],
    wrap(description, 0),
    ...taken.filter((lines) => lines.length > 1),
    ...(which === "all" ? others : []),
    ["Help:", ...entry(hasOthers ? "-h, --help [all]" : "-h, --help", helpText)],
  ]
  return sections.map((lines) => lines.join("\n")).join("\n\n")
}

/** A name and its text, in two columns. */
export function entry(name: string, text: string): readonly string[] {
  const [first = "", ...rest] = wrap(text, COLUMN)
  const head = `  ${name}`
  return head.length + 2 > COLUMN ? [head, first, ...rest] : [head.padEnd(COLUMN) + first.trimStart(), ...rest]
}

/** An option's text for help, with its range and its default. */
export function describeOption({ help, range, otherwise, required, arity }: TakenOption<unknown>): string {
  const values = range === null ? [] : [`Values: ${range}.`]
  const again = arity === "each" ? ["Can be repeated."] : []
  const standard = required !== null ? ["Required."] : otherwise === null ? [] : [`Default: ${otherwise}.`]
  return [help, ...values, ...again, ...standard].join(" ")
}

function optionLines(name: string, option: TakenOption<unknown>): readonly string[] {
  const { arity, valueName, aliases } = option
  const value = arity === "none" ? "" : arity === "many" ? ` <${valueName}...>` : ` <${valueName}>`
  const names = [name, ...aliases].map((each) => `--${each}`).join(", ")
  return entry(`${names}${value}`, describeOption(option))
}

function otherLines([name, option]: readonly [string, AnyOption]): readonly string[] {
  return option.fate === "taken" ? [] : entry(`--${name}`, `${option.reason}.`)
}

function wrap(text: string, indent: number): readonly string[] {
  const lines: string[] = []
  let line = ""
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line)
      line = word
    } else {
      line = line === "" ? word : `${line} ${word}`
    }
  }
  return [...lines, line].map((each) => " ".repeat(indent) + each)
}
