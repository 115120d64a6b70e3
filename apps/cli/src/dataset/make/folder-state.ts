import { readdir } from "node:fs/promises"
import { extname, join } from "node:path"
import { IMAGE_EXTENSIONS } from "@lllite/runtime-node"
import { UsageError } from "../../terminal/errors.ts"

/**
 * Refuses a folder with pictures that a run does not make. They would be in the data set.
 *
 * @param names of the pictures that the run makes or has made
 * @throws UsageError naming the first
 */
export async function expectNoOthers(folder: string, names: ReadonlySet<string>): Promise<void> {
  // A folder that is missing is made later. One that may not be listed is found when it is written.
  const entries = await readdir(folder).catch(() => [])
  const others = entries.filter((name) => isPicture(name) && !names.has(name)).sort()
  const [first] = others
  if (first === undefined) return
  const more = others.length === 1 ? "" : `, and ${others.length - 1} more`
  throw new UsageError(
    "options",
    `"${join(folder, first)}"${more}: this run does not make ${others.length === 1 ? "such a picture" : "such pictures"}. Remove ${others.length === 1 ? "it" : "them"}, or choose another folder.`,
  )
}

function isPicture(name: string): boolean {
  return !name.startsWith(".") && (IMAGE_EXTENSIONS as readonly string[]).includes(extname(name).toLowerCase())
}
