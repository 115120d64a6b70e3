import { existsSync } from "node:fs"
import type { Browser } from "playwright-core"
import { chromium } from "playwright-core"

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

/** A Chromium of this machine, or the one that CHROMIUM names; null where there is none. */
export function findChromium(): string | null {
  return PLACES.find((path) => path !== undefined && existsSync(path)) ?? null
}

/** Starts Chromium without a window, with further arguments. */
export function launchChromium(executablePath: string, args: readonly string[] = []): Promise<Browser> {
  // Where tests run as root, as in containers, Chromium's own sandbox cannot be had.
  return chromium.launch({ executablePath, args: ["--no-sandbox", ...args] })
}
