import { existsSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"

const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache")

/** Vulkan's drivers in software, and where their descriptions lie. */
const DRIVERS = {
  // As scripts/lavapipe.sh leaves it: many times as fast as the other once a kernel is compiled, which takes it longer.
  lavapipe: join(cache, "lllite", "lavapipe", "lvp_icd.json"),
  // As Debian's chromium brings it.
  swiftshader: "/usr/lib/chromium/vk_swiftshader_icd.json",
} as const

export type Driver = keyof typeof DRIVERS

/** A driver's description; null where it is not on this machine. */
export function findDriver(driver: Driver): string | null {
  return existsSync(DRIVERS[driver]) ? DRIVERS[driver] : null
}

/** Names the first driver that is installed to Vulkan. A name in the environment wins. */
export function chooseDriver(...drivers: readonly Driver[]): void {
  const found = drivers.map(findDriver).find((path) => path !== null)
  if (process.env.VK_ICD_FILENAMES === undefined && found !== undefined) process.env.VK_ICD_FILENAMES = found
}
