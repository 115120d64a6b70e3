import { createRequire } from "node:module"

/** The version of this command, from its package.json. */
export function readVersion(): string {
  const require = createRequire(import.meta.url)
  const { version } = require("../package.json") as { version: string }
  return version
}
