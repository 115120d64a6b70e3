import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import type { Browser, Locator, Page } from "playwright-core"
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest"
import type { FileServer } from "../../../packages/runtime-web/test/browser.ts"
import { launchWithWebgpu, serveFolders } from "../../../packages/runtime-web/test/browser.ts"

/** The production build in a real browser, served by a host that sends no headers. `turbo run build` comes first. */
export const DIST = fileURLToPath(new URL("../dist/", import.meta.url))

/** The page of the running test. Each test has a page of its own, with a store of its own. */
export interface Playground {
  readonly page: Page
  /** Ends with a slash. */
  readonly url: string
  open(query?: string): Promise<void>
  /** Waits for the model. */
  ready(): Promise<void>
  /** Waits until nothing is drawn. The page draws a picture by itself when its model is ready. */
  idle(): Promise<void>
  /** Waits for a picture that was made as the settings say, and not while drawing. */
  full(): Promise<void>
  /** The pixels of the picture of the first control. */
  control(): Promise<string>
  /** A panel by its English name, in every language. */
  panel(name: "Draw" | "Train" | "Files"): Locator
  /** Forgets everything that the page logged, after a test in which it must not work. */
  forgetProblems(): void
  /** Forgets failed requests, after a test that makes requests fail. */
  forgetRequests(): void
}

export interface PlaygroundOptions {
  /** The language of the browser. Default: American English */
  readonly locale?: string
  /** Whether it is a phone, with a small screen and touch. Default: false */
  readonly isPhone?: boolean
}

interface Marks {
  readonly runs: unknown[]
  readonly violations: string[]
}

/**
 * Opens a page for each test of the calling `describe`. After each test no script has run that should not, the policy
 * was not violated, and the page logged no error and no warning.
 */
export function usePlayground({ locale = "en-US", isPhone = false }: PlaygroundOptions = {}): Playground {
  let browser: Browser
  let server: FileServer
  let page: Page
  const problems: string[] = []

  beforeAll(async () => {
    if (!existsSync(`${DIST}index.html`)) throw new Error("playground is not built: run turbo run build first")
    // The page lies not at the root, since it must work in every folder of a host.
    server = await serveFolders({ "/some/folder/": DIST })
    browser = await launchWithWebgpu()
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  beforeEach(async () => {
    problems.length = 0
    const viewport = isPhone ? { width: 390, height: 844 } : { width: 1280, height: 900 }
    page = await browser.newPage({ viewport, locale, isMobile: isPhone, hasTouch: isPhone })
    // The slowest wait is for a picture on a loaded machine. An error names what was waited for.
    page.setDefaultTimeout(600_000)
    page.on("pageerror", (error) => problems.push(error.message))
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") problems.push(message.text())
    })
    page.on("requestfailed", (request) => problems.push(`request failed: ${request.url()}`))
    await page.addInitScript(() => {
      Object.assign(window, { runs: [], violations: [], pwned: () => (window as unknown as Marks).runs.push(1) })
      document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
        ;(window as unknown as Marks).violations.push(`${violatedDirective} ${blockedURI}`)
      })
    })
  })
  afterEach(async () => {
    const marks = await page.evaluate(() => {
      const { runs, violations } = window as unknown as Marks
      return { runs, violations }
    })
    expect(marks).toEqual({ runs: [], violations: [] })
    expect(problems).toEqual([])
    await page.close()
  })

  return {
    get page() {
      return page
    },
    get url() {
      return server.url
    },
    open: async (query = "?backend=wasm") => void (await page.goto(`${server.url}some/folder/${query}`)),
    async ready() {
      await page.locator('.model[data-phase="ready"], .model[data-phase="failed"]').waitFor()
      expect(await page.locator(".banner").count()).toBe(0)
    },
    idle: () => page.locator('.draw[data-phase="idle"]:has([data-final="true"])').waitFor({ state: "attached" }),
    full: () => page.locator('.draw[data-phase="idle"] .result[data-final="true"][data-quality="full"]').waitFor(),
    control: () => page.evaluate(() => document.querySelector<HTMLCanvasElement>(".control canvas")?.toDataURL() ?? ""),
    panel: (name) => page.locator(`[role="tabpanel"]#panel-${name.toLowerCase()}`),
    forgetProblems() {
      problems.length = 0
    },
    forgetRequests() {
      problems.splice(0, problems.length, ...problems.filter((problem) => !problem.startsWith("request failed")))
    },
  }
}

/** Waits until the service worker has kept all files of the page, so that it opens without a network. */
export async function keptOffline(page: Page): Promise<void> {
  const worker = await readFile(`${DIST}service-worker.js`, "utf8")
  const files: readonly string[] = JSON.parse(/^const FILES = (\[.*?\]);/.exec(worker)?.[1] ?? "[]")
  // The page itself is kept, too.
  // `waitForFunction` does not await what a function promises.
  const count = (): Promise<number> =>
    page.evaluate(async () => (await (await caches.open("lllite-page")).keys()).length)
  await expect.poll(count, { timeout: 60_000 }).toBe(files.length + 1)
}
