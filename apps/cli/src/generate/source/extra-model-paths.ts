import { homedir } from "node:os"
import { dirname, isAbsolute, resolve } from "node:path"
import { InputError, readTextFile } from "@lllite/runtime-node/files"

/** Folders by ComfyUI's names of kinds, such as `loras`. */
export type ModelPaths = ReadonlyMap<string, readonly string[]>

/**
 * Reads ComfyUI's `extra_model_paths.yaml`: sections with a `base_path`, and folders under it by their kinds.
 *
 * @throws InputError for a line that is not of this form
 */
export async function readExtraModelPaths(path: string): Promise<ModelPaths> {
  const folders = new Map<string, string[]>()
  for (const section of sectionsOf(await readTextFile(path), path)) {
    const { base_path: base, is_default: _, ...kinds } = Object.fromEntries(section)
    const root = resolve(dirname(path), expanded(base?.[0] ?? ""))
    for (const [kind, entries] of Object.entries(kinds)) {
      const named = entries.map((entry) => (isAbsolute(entry) ? entry : resolve(root, entry)))
      folders.set(kind, [...(folders.get(kind) ?? []), ...named])
    }
  }
  return folders
}

/** A section: lists of lines by their keys. */
type Section = ReadonlyMap<string, readonly string[]>

/**
 * The part of YAML that such files have: sections of keys with a value, or with lines below a `|`.
 */
function sectionsOf(text: string, path: string): readonly Section[] {
  const sections: Map<string, string[]>[] = []
  let block: { readonly lines: string[]; readonly indent: number } | null = null
  for (const [i, raw] of text.split(/\r\n|\r|\n/).entries()) {
    const line = raw.replace(/(^|\s)#.*$/, "").trimEnd()
    if (line.trim() === "") continue
    const indent = line.length - line.trimStart().length
    if (block !== null && indent > block.indent) {
      block.lines.push(line.trim())
      continue
    }
    block = null
    const [, key, value = ""] = /^\s*("[^"]*"|'[^']*'|[^\s:"'][^:]*):(?:\s+(.*))?$/.exec(line) ?? []
    const section = sections.at(-1)
    if (key === undefined || /^[&*[{]/.test(value) || line.includes("\t") || (indent > 0 && section === undefined)) {
      throw new InputError(
        "config-syntax",
        `"${path}", line ${i + 1}: expected NAME: FOLDER, or a | with folders in the lines below, as in ComfyUI's example.`,
      )
    }
    if (indent === 0) {
      sections.push(new Map())
      continue
    }
    const lines: string[] = []
    section?.set(unquoted(key.trim()), lines)
    if (/^[|>][+-]?$/.test(value)) block = { lines, indent }
    else if (value !== "") lines.push(unquoted(value))
  }
  return sections
}

function unquoted(value: string): string {
  return /^"[^"]*"$|^'[^']*'$/.test(value) ? value.slice(1, -1) : value
}

/** `~` and variables of the environment, as ComfyUI replaces them. */
function expanded(path: string): string {
  return path
    .replace(/^~(?=$|[\\/])/, homedir())
    .replaceAll(/\$\{(\w+)\}|\$(\w+)/g, (found, braced: string, plain: string) => process.env[braced ?? plain] ?? found)
}
