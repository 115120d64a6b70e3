import { existsSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { paceEvents } from "./pace-events.ts"

/** Where drivers that the tests fetch are. */
const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache")

/** Vulkan's software drivers, with the paths of their descriptions. */
const DRIVERS = {
  // From scripts/lavapipe.sh. It compiles kernels slowly, and runs them many times as fast as the other.
  lavapipe: join(cache, "lllite", "lavapipe", "lvp_icd.json"),
  // From Debian's chromium.
  swiftshader: "/usr/lib/chromium/vk_swiftshader_icd.json",
} as const

/**
 * Lavapipe with subgroup matrices, from scripts/lavapipe.sh --matrices. It runs in its own copy of Node. Null if it is not
 * installed.
 */
export function findMatricesDriver(): { readonly description: string; readonly node: string } | null {
  const folder = join(cache, "lllite", "lavapipe-matrices")
  const [description, node] = [join(folder, "lvp_icd.json"), join(folder, "node")]
  return existsSync(description) && existsSync(node) ? { description, node } : null
}

export type Driver = keyof typeof DRIVERS

/** The path of a driver's description. Null if the driver is not installed. */
export function findDriver(driver: Driver): string | null {
  return existsSync(DRIVERS[driver]) ? DRIVERS[driver] : null
}

/** Sets Vulkan's driver to the first one that is installed. A driver in the environment has priority. */
export function chooseDriver(...drivers: readonly Driver[]): void {
  paceEvents()
  const found = drivers.map(findDriver).find((path) => path !== null)
  if (process.env.VK_ICD_FILENAMES === undefined && found !== undefined) process.env.VK_ICD_FILENAMES = found
}
