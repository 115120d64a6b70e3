import { basename } from "node:path"
import { openSafetensors } from "@lllite/format"
import { changeMetadata, missingMetadata, withMetadata } from "@lllite/format/edit"
import { withPath } from "@lllite/runtime-node/files"
import { refuseTaken, reportWritten, writeEdited } from "../lllite-file/edited-file.ts"
import { openLllite } from "../lllite-file/open-lllite.ts"
import { UsageError } from "../terminal/errors.ts"
import { plural, printable } from "../terminal/text.ts"

interface EditCommandOptions {
  readonly set: readonly string[]
  readonly unset: readonly string[]
  readonly clear?: boolean
  readonly fill?: boolean
  readonly output?: string
  readonly force?: boolean
  readonly json?: boolean
}

/** Shows metadata, or writes a file with other metadata. @throws UsageError, InputError, FormatError */
export async function runEdit(files: readonly string[], options: EditCommandOptions): Promise<string> {
  const [input = ""] = files
  const { set, unset, clear = false, fill = false, output = input, json } = options
  const isChange = set.length > 0 || unset.length > 0 || clear || fill
  if (!isChange && options.output !== undefined) {
    throw new UsageError("edit: nothing to change, expected --set, --unset, --clear or --fill")
  }
  const target = { output, ...(options.force === true ? { force: true } : {}) }
  if (isChange && options.output === undefined && options.force !== true) {
    throw new UsageError("edit: this would change the file itself. Give --output for another one, or --force.")
  }
  if (isChange) await refuseTaken(target)
  return withPath(input, async (source) => {
    const { metadata } = await openSafetensors(source)
    if (!isChange) return showMetadata(metadata, json)
    const given = new Map(set.map(readPair))
    const base = clear ? new Map<string, string>() : metadata
    const changed = changeMetadata(base, { remove: unset, set: given })
    const missing = fill
      ? missingMetadata(
          { ...(await openLllite(source)), metadata: changed },
          basename(input).replace(/\.safetensors$/i, ""),
        )
      : new Map<string, string>()
    const result = changeMetadata(changed, { set: missing })
    const contents = await withMetadata(source, result.size === 0 ? undefined : result)
    const written = await writeEdited(target, contents)
    const filled = [...missing.keys()]
    const notes = fill ? [filled.length === 0 ? "Nothing was missing." : `Added ${filled.join(", ")}.`] : []
    return reportWritten(written, { metadata: Object.fromEntries(result), filled }, notes, json)
  })
}

function showMetadata(metadata: ReadonlyMap<string, string>, json: boolean | undefined): string {
  if (json === true) return JSON.stringify(Object.fromEntries(metadata), null, 2)
  if (metadata.size === 0) return "no metadata"
  const lines = [...metadata].map(([key, value]) => `${printable(key)} = ${printable(value)}`)
  return [...lines, plural(metadata.size, "key")].slice(0, -1).join("\n")
}

function readPair(text: string): readonly [string, string] {
  const at = text.indexOf("=")
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
  throw new UsageError(`edit: --set is "${text}", expected key=value`)
}
