import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
/** Folders of what is installed, built or recorded. */
const SKIPPED = new Set(["node_modules", "dist", "reports", ".git"])

/**
 * Files of the workspace whose path matches, with `/` between folders, sorted. `globSync` of node:fs does the same from
 * Node 22 on. Tests run on Node 20, too.
 */
export function workspaceFiles(pattern: RegExp): readonly string[] {
  const walk = (folder: string): readonly string[] =>
    readdirSync(`${root}${folder}`, { withFileTypes: true }).flatMap((entry) => {
      const path = `${folder}${entry.name}`
      if (!entry.isDirectory()) return pattern.test(path) ? [path] : []
      return SKIPPED.has(entry.name) ? [] : walk(`${path}/`)
    })
  return [...walk("")].sort()
}
