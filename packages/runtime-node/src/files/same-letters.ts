import { lstat, readdir } from "node:fs/promises"
import { join, parse, relative, resolve, sep } from "node:path"
import { hasCode } from "./system-code.ts"

/**
 * Runs a call with a path. If nothing has this path, but one path has the same letters in another form of Unicode, the
 * call runs with that one: macOS stores "é" as a letter and an accent, and keyboards write one sign.
 *
 * @throws what the call throws for the path that was given
 */
export async function withSameLetters<T>(path: string, call: (path: string) => Promise<T>): Promise<T> {
  try {
    return await call(path)
  } catch (cause) {
    const same = hasCode(cause, "ENOENT") ? await sameLetters(path) : null
    if (same === null) throw cause
    return call(same)
  }
}

/** The path as the disk has it: the given one, or the one path with its letters. The given one if there is none. */
export async function pathOnDisk(path: string): Promise<string> {
  return withSameLetters(path, async (found) => {
    await lstat(found)
    return found
  }).catch(() => path)
}

/** The one path that exists with the same letters. Null: there is none, or there are several. */
async function sameLetters(path: string): Promise<string | null> {
  // Without accents there is one form.
  if (!/\P{ASCII}/u.test(path)) return null
  const { root } = parse(resolve(path))
  let found = root
  for (const name of relative(root, resolve(path)).split(sep)) {
    const isThere = await lstat(join(found, name)).then(
      () => true,
      () => false,
    )
    const names = isThere ? [name] : await readdir(found).catch(() => [])
    const [same, ...others] = names.filter((each) => each.normalize("NFC") === name.normalize("NFC"))
    if (same === undefined || others.length > 0) return null
    found = join(found, same)
  }
  return found
}
