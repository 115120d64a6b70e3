import { homedir } from "node:os"
import { isAbsolute, join } from "node:path"

/**
 * The user's folder for what can be made again: under `$XDG_CACHE_HOME` where that is set, else where the system keeps
 * such files. Not inside node_modules, so that it outlives a reinstall and serves every project.
 */
export function cacheFolder(
  environment: Readonly<NodeJS.ProcessEnv> = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  const { XDG_CACHE_HOME: given = "" } = environment
  const usual = platform === "darwin" ? join(homedir(), "Library", "Caches") : join(homedir(), ".cache")
  // The specification wants relative paths ignored.
  return join(isAbsolute(given) ? given : usual, "lllite")
}
