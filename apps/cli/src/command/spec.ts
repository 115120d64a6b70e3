import type { OptionReader, OptionTable } from "@lllite/runtime-node/options"

/** What a command takes beside options. */
export interface Positionals {
  /** As help shows it: `<file>`, `<first> <second>`, `<files...>`. */
  readonly text: string
  readonly least: number
  /** Default: `least`. */
  readonly most?: number
}

/** A command: what it takes, and what it does. */
export interface CommandSpec<Table extends OptionTable> {
  readonly name: string
  /** A sentence or two for help. */
  readonly description: string
  readonly positionals?: Positionals
  readonly options: Table
  /** The same options by heading, for help. Default: one list. */
  readonly groups?: readonly OptionGroup[]
  /** The option that names a TOML of options. What the command line says wins over it. */
  readonly configFile?: keyof Table & string
  /** @param positionals as many as the command takes */
  run(options: OptionReader<Table>, positionals: readonly string[]): Promise<void>
}

/** Options under a heading. */
export type OptionGroup = readonly [heading: string, options: OptionTable]
