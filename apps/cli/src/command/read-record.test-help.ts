import type { OptionReader, OptionTable } from "@lllite/runtime-node/options"
import { joinLayers, readLayer } from "@lllite/runtime-node/options"
import { describeInput } from "../terminal/errors.ts"
import { flagName, usageError } from "./command.ts"

/** For tests: reads one record of options as a command line, and another as its config file. */
export function readRecord<Table extends OptionTable>(
  table: Table,
  line: Readonly<Record<string, unknown>>,
  file: Readonly<Record<string, unknown>> = {},
): OptionReader<Table> {
  const entries = Object.entries(line).map(([name, value]) => [`--${name}`, value] as const)
  const layers = [
    readLayer(table, { where: "test", entries, spell: flagName }),
    readLayer(table, { where: '"a.toml"', entries: Object.entries(file) }),
  ]
  return joinLayers(table, { title: "test", layers, spell: flagName, refuse: usageError, describe: describeInput })
}
