import { readdir, stat } from "node:fs/promises"
import { extname, join } from "node:path"
import { isReadImage } from "@lllite/core/image"
import { countedNotice } from "@lllite/core/names"
import { describeEmpty, readPictureFolder } from "../dataset/picture-folder.ts"
import { fileError, InputError } from "../errors.ts"
import { hasCode } from "../files/system-code.ts"

/**
 * The pictures that paths name, in the order of the paths: files as they are; of a folder all pictures in it, by name;
 * of a pattern with `*`, `?` or `[…]` all pictures that match, by path. `**` stands for any folders. A path that is
 * there is never a pattern.
 *
 * @param say is told which pictures of folders are passed over, because their format is not read
 * @throws InputError for a path that is not there, a folder without pictures, or a pattern without matches
 */
export async function listPictures(
  paths: readonly string[],
  say: (notice: string) => void = () => {},
): Promise<readonly string[]> {
  const lists: (readonly string[])[] = []
  for (const path of paths) lists.push(await listOne(path, say))
  return lists.flat()
}

async function listOne(path: string, say: (notice: string) => void): Promise<readonly string[]> {
  let isFolder: boolean
  try {
    isFolder = (await stat(path)).isDirectory()
  } catch (cause) {
    if (!hasCode(cause, "ENOENT") || !isPattern(path)) throw fileError("read", path, cause)
    const found = (await expand(path)).filter((each) => isReadImage(extname(each)))
    if (found.length > 0) return found.sort()
    throw new InputError("file", `no picture matches "${path}". Expected the path of a picture, a folder or a pattern.`)
  }
  if (!isFolder) return [path]
  const folder = await readPictureFolder(path)
  if (folder.names.length === 0) throw new InputError("not-a-picture", `${describeEmpty(folder, "picture")}.`)
  const unread = countedNotice(
    folder.unread.map((name) => join(path, name)),
    "pictures",
    (subject, isOne) =>
      `${subject} ${isOne ? "has" : "have"} a format that is not read, and ${isOne ? "is" : "are"} passed over. Save ${isOne ? "it" : "them"} as PNG.`,
  )
  for (const notice of unread) say(notice)
  return folder.names.map((name) => join(path, name))
}

function isPattern(text: string): boolean {
  return /[*?[]/.test(text)
}

/** Files that match a pattern. Names that begin with a dot match only what begins with one. */
async function expand(pattern: string): Promise<readonly string[]> {
  const root = /^(?:[a-z]:)?[\\/]+/i.exec(pattern)?.[0] ?? ""
  const segments = pattern.slice(root.length).split(process.platform === "win32" ? /[\\/]+/ : /\/+/)
  return matches(
    root,
    segments.filter((segment) => segment !== ""),
  )
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
