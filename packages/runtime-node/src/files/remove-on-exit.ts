import { rmSync } from "node:fs"

/** What is removed when this process exits. One listener serves all, since Node warns of many. */
const paths = new Set<string>()

/**
 * Removes a temporary file or folder if the process exits before `keep` is called. An exit in the middle of work runs no
 * `finally`.
 *
 * @returns `keep`, to be called when the path is renamed or removed
 */
export function removeOnExit(path: string): () => void {
  if (paths.size === 0) process.on("exit", removeAll)
  paths.add(path)
  return () => {
    paths.delete(path)
    if (paths.size === 0) process.off("exit", removeAll)
  }
}

function removeAll(): void {
  for (const path of paths) {
    try {
      rmSync(path, { recursive: true, force: true })
    } catch {
      // The next write into the folder removes what is left.
    }
  }
}
