import type { OptionReader, OptionTable } from "@lllite/runtime-node/options"

/** The arguments of a command that are not options. */
export interface Positionals {
  /** As help shows it: `<file>`, `<first> <second>`, `<files...>`. */
  readonly text: string
  /** The fewest arguments. */
  readonly min: number
  /** The most arguments. Default: `min`. */
  readonly max?: number
}

/** A command: its arguments, its options, and its function. */
export interface CommandSpec<Table extends OptionTable> {
  readonly name: string
  /** One or two sentences for help. */
  readonly description: string
  readonly positionals?: Positionals
  readonly options: Table
  /** The same options by heading, for help. Default: one list. */
  readonly groups?: readonly OptionGroup[]
  /** The option that names a TOML file of options. The command line has priority over it. */
  readonly configFile?: keyof Table & string
  /** The table of another command whose files are taken. Options that this command has not are passed over. */
  readonly configOf?: OptionTable
  /** The flag that writes the options of the command line to `configFile`, and ends. That file is not read then. */
  readonly outputConfig?: keyof Table & string
  /** Whether it ends by itself when it is stopped, because it saves or cleans up. Default: it is ended after a moment. */
  readonly endsItself?: boolean
  /** Whether it says the notes of its options among its own notices. Default: those of the command line go to stderr. */
  readonly saysNotes?: boolean
  /**
   * @param positionals as many as the spec allows
   * @param signal aborted by Ctrl-C and other signals, with an InterruptedError
   */
  run(options: OptionReader<Table>, positionals: readonly string[], signal: AbortSignal): Promise<void>
}

/** Options under a heading. */
export type OptionGroup = readonly [heading: string, options: OptionTable]
