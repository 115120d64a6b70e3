import { listText } from "@lllite/core/names"
import type { LlliteFile } from "@lllite/format"
import { llliteOf, openSafetensors } from "@lllite/format"
import type { SafetensorsContents } from "@lllite/format/edit"
import { sdScriptsProblem } from "@lllite/format/edit"
import { identify } from "@lllite/format/identify"
import { safetensorsChunks } from "@lllite/format/write"
import type { Existing } from "@lllite/runtime-node/files"
import { tryOutputs, withPath, writeAtomically } from "@lllite/runtime-node/files"
import { InterruptedError } from "../terminal/errors.ts"
import { plural, printable, sizeText } from "../terminal/text.ts"
import type { OutputOptions } from "./output-options.ts"

/** The report about a written file. `--json` prints this and the fields that the command adds. */
export interface WrittenFile {
  readonly output: string
  readonly bytes: number
  readonly tensors: number
  /** Null if the file is not an LLLite for SDXL. */
  readonly lllite: {
    readonly sites: number
    readonly condDim: number | null
    readonly mlpDim: number | null
    readonly dtypes: readonly string[]
    /** Why sd-scripts would refuse it, or null. */
    readonly sdScriptsProblem: string | null
  } | null
}

/** Refuses an output that exists or cannot be written, before the work begins. @throws InputError */
export async function tryOutput({ output, force }: Pick<OutputOptions, "output" | "force">): Promise<void> {
  await tryOutputs([output], { existing: existingFile(force) })
}

/** What happens to a file that has the name of the output. */
function existingFile(force: boolean): Existing {
  return force ? "replace" : "refuse"
}

/**
 * Writes a complete file or none, and reads its header back. After an abort, no file is left. Commands call
 * {@link tryOutput} before they begin. An output that appears later is not replaced either.
 *
 * @throws InputError, FormatError; InterruptedError
 */
export async function writeEdited(
  options: OutputOptions,
  contents: SafetensorsContents,
  signal: AbortSignal,
): Promise<WrittenFile> {
  const { output } = options
  await writeAtomically(output, untilAborted(contents, signal), { existing: existingFile(options.force) })
  return describeWritten(output)
}

async function* untilAborted(contents: SafetensorsContents, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const chunk of safetensorsChunks(contents.tensors, contents.metadata)) {
    if (signal.aborted) throw new InterruptedError("stopped. Nothing was written")
    yield chunk
  }
}

async function describeWritten(output: string): Promise<WrittenFile> {
  return withPath(output, async (source) => {
    const file = await openSafetensors(source)
    const isLllite = identify(file).kind === "lllite"
    return {
      output,
      bytes: file.size,
      tensors: file.tensors.size,
      lllite: isLllite ? describeLllite(llliteOf(file)) : null,
    }
  })
}

function describeLllite(file: LlliteFile): NonNullable<WrittenFile["lllite"]> {
  return {
    sites: file.sites.length,
    condDim: file.dims?.condDim ?? null,
    mlpDim: file.dims?.mlpDim ?? null,
    dtypes: file.dtypes,
    sdScriptsProblem: sdScriptsProblem(file),
  }
}

/** The report of a command that wrote a file, for people or as JSON. */
export function reportWritten(
  written: WrittenFile,
  more: Readonly<Record<string, unknown>>,
  notes: readonly string[],
  json: boolean,
): string {
  if (json) return JSON.stringify({ ...written, ...more, notes }, null, 2)
  const { output, bytes, tensors, lllite } = written
  const widths = lllite?.mlpDim == null ? "several widths" : `condDim ${lllite.condDim}, mlpDim ${lllite.mlpDim}`
  const what =
    lllite === null
      ? plural(tensors, "tensor")
      : `${plural(lllite.sites, "site")}, ${widths}, ${listText(lllite.dtypes, "and")}`
  const problem = lllite?.sdScriptsProblem ?? null
  const all = problem === null ? notes : [...notes, `sd-scripts would not load it: ${problem}.`]
  return [`Wrote ${printable(output)}: ${what}, ${sizeText(bytes)}.`, ...all.map((note) => `Note: ${note}`)].join("\n")
}
