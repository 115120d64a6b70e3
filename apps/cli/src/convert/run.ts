import { convertSafetensors } from "@lllite/format/edit"
import { withPath } from "@lllite/runtime-node/files"
import { reportWritten, tryOutput, writeEdited } from "../lllite-file/edited-file.ts"
import { plural } from "../terminal/text.ts"
import type { ConvertSettings } from "./options.ts"

/** Writes a file with another dtype or other names. @throws InputError, FormatError */
export async function runConvert(
  files: readonly string[],
  options: ConvertSettings,
  signal: AbortSignal,
): Promise<string> {
  const [input = ""] = files
  const { dtype, keys, plain, allowOverflow } = options
  await tryOutput(options)
  return withPath(
    input,
    async (source) => {
      const result = await convertSafetensors(source, {
        ...(dtype === undefined ? {} : { dtype }),
        ...(keys === undefined ? {} : { keys }),
        plain,
        overflow: allowOverflow ? "infinity" : "refuse",
      })
      const { converted, kept, leftOut } = result
      const written = await writeEdited(options, result, signal)
      const notes: string[] = []
      if (kept.length > 0)
        notes.push(`${plural(kept.length, "tensor")} of other dtypes did not change. The first is ${kept[0]}.`)
      if (leftOut.length > 0)
        notes.push(`${plural(leftOut.length, "tensor")} that do not belong to an adapter were left out.`)
      if (dtype !== undefined && converted === 0) notes.push(`All tensors were ${dtype} already.`)
      return reportWritten(written, { converted, kept, leftOut: leftOut.length }, notes, options.json)
    },
    { signal },
  )
}
