import { existsSync } from "node:fs"
import puppeteer, { type Browser } from "puppeteer-core"
import { needs } from "../../../packages/format/test/needs.ts"

const PLACES = [
  process.env.FIREFOX,
  "/usr/bin/firefox-esr",
  "/usr/bin/firefox",
  "/Applications/Firefox.app/Contents/MacOS/firefox",
  "C:/Program Files/Mozilla Firefox/firefox.exe",
]

/** A Firefox of this machine, or the one that FIREFOX names. */
const executablePath = PLACES.find((path) => path !== undefined && existsSync(path))

/** Skips tests of Firefox where there is none. */
export const needsFirefox = needs(
  "Firefox. FIREFOX names one. On Debian type: apt-get install firefox-esr",
  executablePath !== undefined,
)

/**
 * Starts Firefox without a window. It is driven by WebDriver BiDi, since Playwright drives only a Firefox of its own.
 *
 * @throws {Error} if there is none: see {@link needsFirefox}
 */
export async function launchFirefox(): Promise<Browser> {
  if (executablePath === undefined) throw new Error("this machine has no Firefox")
  return puppeteer.launch({ browser: "firefox", executablePath, headless: true, protocolTimeout: 600_000 })
}
