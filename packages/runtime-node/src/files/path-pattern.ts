import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import { checkArgument } from "@lllite/core/names"
import { InputError } from "../errors.ts"

/** Whether a text has signs of a pattern: `*`, `?` or `[`. */
export function isPattern(text: string): boolean {
  return /[*?[]/.test(text)
}

/**
 * Files that match a pattern with `*`, `?` or `[…]`. `**` stands for any folders. Names that begin with a dot match only
 * what begins with one.
 */
export async function filesMatching(pattern: string): Promise<readonly string[]> {
  checkArgument("filesMatching: the pattern", pattern, "text")
  const root = /^(?:[a-z]:)?[\\/]+/i.exec(pattern)?.[0] ?? ""
  const segments = pattern.slice(root.length).split(process.platform === "win32" ? /[\\/]+/ : /\/+/)
  return matches(
    root,
    segments.filter((segment) => segment !== ""),
  )
}

/** The most files that a message about a pattern names. */
const NAMED = 3

/**
 * The one file that a pattern matches. A text without signs of a pattern, or of a path that is there, stays as it is.
 *
 * @throws InputError where no file matches, or several
 */
export async function fileMatching(text: string): Promise<string> {
  checkArgument("fileMatching: the path", text, "text")
  if (!isPattern(text) || (await stat(text).catch(() => null)) !== null) return text
  const [found, ...others] = [...(await filesMatching(text))].sort()
  if (found === undefined) throw new InputError("file", `no file matches "${text}". Check the path.`)
  if (others.length === 0) return found
  const all = [found, ...others]
  const more = all.length > NAMED ? ` and ${all.length - NAMED} more` : ""
  const names = all.slice(0, NAMED).map((path) => `"${path}"`)
  throw new InputError("file", `"${text}" matches ${all.length} files: ${names.join(", ")}${more}. Name one of them.`)
}

async function matches(folder: string, [segment, ...rest]: readonly string[]): Promise<readonly string[]> {
  if (segment === undefined) return []
  if (!isPattern(segment)) {
    const path = join(folder, segment)
    if (rest.length > 0) return matches(path, rest)
    return (await stat(path).catch(() => null))?.isFile() ? [path] : []
  }
  const entries = await readdir(folder === "" ? "." : folder, { withFileTypes: true }).catch(() => [])
  const anyFolders = segment === "**"
  const isMatch = matcherOf(segment)
  const found: string[] = anyFolders ? [...(await matches(folder, rest.length > 0 ? rest : ["*"]))] : []
  for (const entry of entries) {
    if (!isMatch(entry.name)) continue
    const path = join(folder, entry.name)
    // A link to a folder may lead back to where it stands.
    if (anyFolders) found.push(...(entry.isDirectory() ? await matches(path, [segment, ...rest]) : []))
    else if (rest.length > 0) found.push(...(await matches(path, rest)))
    else if ((await stat(path).catch(() => null))?.isFile()) found.push(path)
  }
  return found
}

/** Null stands for any number of characters. */
type Token = ((character: string) => boolean) | null

/** Whether a name matches a segment of a pattern. A name that begins with a dot needs a dot of its own. */
function matcherOf(segment: string): (name: string) => boolean {
  const parts = segment.match(/\*+|\[!?\]?[^\]]*\]|./gsu) ?? []
  const tokens = parts.map((part): Token => {
    if (part.startsWith("*")) return null
    if (part === "?") return () => true
    return part.length > 2 && part.startsWith("[") ? classOf(part.slice(1, -1)) : (character) => character === part
  })
  return (name) => (segment.startsWith(".") || !name.startsWith(".")) && fits(tokens, [...name])
}

/** Goes back to the last star only, so a pattern of many stars takes no longer than its length times the name's. */
function fits(tokens: readonly Token[], name: readonly string[]): boolean {
  let [token, at, star, from] = [0, 0, -1, 0]
  while (at < name.length) {
    const test = tokens[token]
    if (test === null) {
      star = token++
      from = at
    } else if (test?.(name[at] as string) === true) {
      token += 1
      at += 1
    } else if (star >= 0) {
      token = star + 1
      at = ++from
    } else {
      return false
    }
  }
  return tokens.slice(token).every((rest) => rest === null)
}

/** A class of characters: `a-z`, or `!a-z` for all others. */
function classOf(text: string): Token {
  const isOther = /^[!^]/.test(text)
  const members = [...(isOther ? text.slice(1) : text).matchAll(/(.)-(.)|(.)/gsu)]
  return (character) =>
    isOther !==
    members.some(([, first, last, one]) =>
      one === undefined ? character >= (first as string) && character <= (last as string) : character === one,
    )
}
