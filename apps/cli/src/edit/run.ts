import { basename } from "node:path"
import { openSafetensors } from "@lllite/format"
import { changeMetadata, missingMetadata, withMetadata } from "@lllite/format/edit"
import { withPath } from "@lllite/runtime-node/files"
import { reportWritten, tryOutput, writeEdited } from "../lllite-file/edited-file.ts"
import { openLllite } from "../lllite-file/open-lllite.ts"
import { plural, printable } from "../terminal/text.ts"
import type { EditSettings } from "./options.ts"
import { isChange } from "./options.ts"

/** Shows metadata, or writes a file with other metadata. @throws InputError, FormatError */
export async function runEdit(files: readonly string[], options: EditSettings, signal: AbortSignal): Promise<string> {
  const [input = ""] = files
  const { set, unset, clear, fill, output = input, force, json } = options
  const changes = isChange(options)
  const target = { output, force, json }
  if (changes) await tryOutput(target)
  return withPath(
    input,
    async (source) => {
      const { metadata } = await openSafetensors(source)
      if (!changes) return showMetadata(metadata, json)
      const additions = new Map(set)
      const base = clear ? new Map<string, string>() : metadata
      const changed = changeMetadata(base, { remove: unset, set: additions })
      const missing = fill
        ? missingMetadata(
            { ...(await openLllite(source)), metadata: changed },
            basename(input).replace(/\.safetensors$/i, ""),
          )
        : new Map<string, string>()
      const result = changeMetadata(changed, { set: missing })
      const contents = await withMetadata(source, result.size === 0 ? undefined : result)
      const written = await writeEdited(target, contents, signal)
      const filled = [...missing.keys()]
      const notes = fill ? [filled.length === 0 ? "Nothing was missing." : `Added ${filled.join(", ")}.`] : []
      return reportWritten(written, { metadata: Object.fromEntries(result), filled }, notes, json)
    },
    { signal },
  )
}

function showMetadata(metadata: ReadonlyMap<string, string>, json: boolean): string {
  if (json) return JSON.stringify(Object.fromEntries(metadata), null, 2)
  if (metadata.size === 0) return "no metadata"
  const lines = [...metadata].map(([key, value]) => `${printable(key)} = ${printable(value)}`)
  return [...lines, plural(metadata.size, "key")].slice(0, -1).join("\n")
}
