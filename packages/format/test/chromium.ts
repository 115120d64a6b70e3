import { existsSync } from "node:fs"
import { join } from "node:path"
import type { Browser } from "playwright-core"
import { chromium } from "playwright-core"
import { needs } from "./needs.ts"

const PLACES = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:/Program Files/Google/Chrome/Application/chrome.exe",
  // The one that `npx playwright-core install chromium` fetches.
  chromium.executablePath(),
]

/** A Chromium of this machine, or the one that CHROMIUM names. */
const executablePath = PLACES.find((path) => path !== undefined && existsSync(path))

/** Skips tests of a browser where there is none. */
export const needsChromium = needs("Chromium. CHROMIUM names one", executablePath !== undefined)

/**
 * Starts Chromium without a window, with further arguments.
 *
 * @throws {Error} if there is none: see {@link needsChromium}
 */
export async function launchChromium(args: readonly string[] = []): Promise<Browser> {
  if (executablePath === undefined) throw new Error("this machine has no Chromium")
  // Where tests run as root, as in containers, Chromium's own sandbox cannot be had.
  return chromium.launch({ executablePath, args: ["--no-sandbox", ...args] })
}

/**
 * Skips tests of WebGPU in Chromium where its software adapter cannot load. On Linux it needs the loader of Vulkan's
 * drivers, which Debian's chromium does not bring along.
 */
export const needsChromiumWebgpu = needs(
  "libvulkan.so.1, for WebGPU in Chromium. Type: apt-get install libvulkan1",
  process.platform !== "linux" || hasVulkanLoader(),
)

function hasVulkanLoader(): boolean {
  const named = (process.env.LD_LIBRARY_PATH ?? "").split(":").filter((folder) => folder !== "")
  const usual = ["/lib", "/usr/lib", "/usr/local/lib", "/lib64", "/usr/lib64", "/usr/lib/chromium"]
  const ofDebian = ["x86_64", "aarch64"].map((machine) => `/usr/lib/${machine}-linux-gnu`)
  return [...named, ...usual, ...ofDebian].some((folder) => existsSync(join(folder, "libvulkan.so.1")))
}
