import type { Preprocessing } from "@lllite/core/image"
import { parsePreprocessing, preprocessorName, readPreprocessorValues } from "@lllite/core/image"
import { usageError } from "../command/command.ts"

/**
 * A kind as a text. A name has the defaults of its table. `canny_63_191` and `canny:low=60` are read as
 * `--control_net_preps` reads them.
 *
 * @param where the command, for errors
 * @throws CoreError, UsageError for a wrong name or value
 */
export function readKindText(text: string, where: string): Preprocessing {
  const name = preprocessorName(text)
  const written = name === null ? parsePreprocessing(text) : { kind: name }
  if (written === null) throw usageError(`${where}: ${text} leaves pictures as they are, expected a kind`)
  return { kind: written.kind, options: readPreprocessorValues(written.kind, written.options ?? {}) }
}
