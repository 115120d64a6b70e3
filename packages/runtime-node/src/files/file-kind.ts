import type { Stats } from "node:fs"

/** What a path is, in words. */
export function kindOf(found: Stats): string {
  if (found.isDirectory()) return "a folder"
  if (found.isFile()) return "a file"
  if (found.isFIFO()) return "a named pipe"
  return found.isSocket() ? "a socket" : "a device"
}
