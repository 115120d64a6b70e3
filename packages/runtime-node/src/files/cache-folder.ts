import { homedir } from "node:os"
import { isAbsolute, join } from "node:path"

/**
 * The user's folder for files that can be made again. It lies under `$XDG_CACHE_HOME` if that is set, or else in the
 * system's place for such files. It lies outside of node_modules, so a reinstall keeps it and all projects share it.
 */
export function cacheFolder(
  environment: Readonly<NodeJS.ProcessEnv> = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  const { XDG_CACHE_HOME: xdgCacheHome = "" } = environment
  const systemFolder = platform === "darwin" ? join(homedir(), "Library", "Caches") : join(homedir(), ".cache")
  // The XDG specification says that relative paths are ignored.
  return join(isAbsolute(xdgCacheHome) ? xdgCacheHome : systemFolder, "lllite")
}
