import { readdir } from "node:fs/promises"
import { join, parse } from "node:path"
import { fileError, InputError } from "../errors.ts"

/** The most paths of a pattern. */
const MOST = 1_000_000

/**
 * The paths of a pattern, in order: `train-{000..999}.tar` names a range of numbers, and `*` and `?` in the file's name
 * stand for any letters. A path without them is itself.
 *
 * @throws InputError when the folder cannot be read, or nothing has such a name
 */
export async function shardPaths(pattern: string): Promise<readonly string[]> {
  const paths = rangesOf(pattern)
  const found: string[] = []
  for (const path of paths) {
    const { dir, base } = parse(path)
    if (!/[*?]/.test(base)) {
      found.push(path)
      continue
    }
    const like = new RegExp(
      `^${base
        .replace(/[\\^$.|+()[\]{}]/g, "\\$&")
        .replaceAll("*", ".*")
        .replaceAll("?", ".")}$`,
      "su",
    )
    const names = await readdir(dir === "" ? "." : dir).catch((cause: unknown) => {
      throw fileError("read the folder", dir, cause)
    })
    found.push(
      ...names
        .filter((name) => like.test(name) && !name.startsWith("."))
        .sort()
        .map((name) => join(dir, name)),
    )
  }
  if (found.length > 0) return found
  throw new InputError(
    "shard",
    `no file has a name such as "${pattern}". Give the path of tar archives, for example data/train-*.tar.`,
  )
}

/** The texts of a pattern with ranges such as `{000..999}`. The last one counts fastest. */
function rangesOf(pattern: string): readonly string[] {
  const match = /^(.*?)\{(\d+)\.\.(\d+)\}(.*)$/s.exec(pattern)
  if (match === null) return [pattern]
  const [, before = "", first = "", last = "", after = ""] = match
  const count = Number(last) - Number(first) + 1
  if (!(count >= 1 && count <= MOST)) {
    throw new InputError(
      "shard",
      `{${first}..${last}} is not a range of at most ${MOST} numbers, expected for example {000..999}.`,
    )
  }
  const rest = rangesOf(after)
  if (count * rest.length > MOST) {
    throw new InputError(
      "shard",
      `the ranges of "${pattern}" make ${count * rest.length} paths, expected at most ${MOST}. Write smaller ranges.`,
    )
  }
  return Array.from({ length: count }, (_, i) => String(Number(first) + i).padStart(first.length, "0")).flatMap(
    (number) => rest.map((end) => `${before}${number}${end}`),
  )
}
