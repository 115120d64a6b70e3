import type { KeyLayout } from "@lllite/format/edit"
import { convertSafetensors } from "@lllite/format/edit"
import { withPath } from "@lllite/runtime-node/files"
import type { OutputOptions } from "../lllite-file/edited-file.ts"
import { readDtype, refuseTaken, reportWritten, writeEdited } from "../lllite-file/edited-file.ts"
import { UsageError } from "../terminal/errors.ts"
import { plural } from "../terminal/text.ts"

interface ConvertCommandOptions extends OutputOptions {
  readonly dtype?: string
  readonly keys?: string
  readonly allow_overflow?: boolean
}

/** Writes a file with another dtype or other names. @throws UsageError, InputError, FormatError */
export async function runConvert(files: readonly string[], options: ConvertCommandOptions): Promise<string> {
  const [input = ""] = files
  const { keys } = options
  const dtype = options.dtype === undefined ? undefined : readDtype(options.dtype)
  if (dtype === undefined && keys === undefined) {
    throw new UsageError("convert: nothing to do, expected --dtype, --keys, or both")
  }
  if (keys !== undefined && !isKeyLayout(keys)) {
    throw new UsageError(`convert: --keys is "${keys}", expected file or training`)
  }
  await refuseTaken(options)
  return withPath(input, async (source) => {
    const result = await convertSafetensors(source, {
      ...(dtype === undefined ? {} : { dtype }),
      ...(keys === undefined ? {} : { keys }),
      overflow: options.allow_overflow === true ? "infinity" : "refuse",
    })
    const { converted, kept, leftOut } = result
    const written = await writeEdited(options, result)
    const notes: string[] = []
    if (kept.length > 0) notes.push(`${plural(kept.length, "tensor")} of other dtypes stayed, the first is ${kept[0]}.`)
    if (leftOut.length > 0) notes.push(`${plural(leftOut.length, "tensor")} that belong to no adapter were left out.`)
    if (dtype !== undefined && converted === 0) notes.push(`No tensor had to change to be ${dtype}.`)
    return reportWritten(written, { converted, kept, leftOut: leftOut.length }, notes, options.json)
  })
}

function isKeyLayout(text: string): text is KeyLayout {
  return text === "file" || text === "training"
}
