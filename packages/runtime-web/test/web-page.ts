import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Page } from "playwright-core"
import type * as Web from "../src/index.ts"
import type { FileServer, ServeOptions } from "./browser.ts"
import { launchWithWebgpu, serveFolders } from "./browser.ts"

declare global {
  interface Window {
    web: typeof Web
    selections: typeof import("@lllite/format/selections")
  }
}

/** The built package in Chromium, loaded by a page without a bundler. */
export interface WebPage {
  readonly page: Page
  readonly server: FileServer
  /** What the page logged as an error or did not catch, since it was opened. */
  readonly problems: readonly string[]
  /** Opens the page once more, with a store of its own. */
  openAnother(): Promise<Page>
  close(): Promise<void>
}

export interface WebPageOptions extends ServeOptions {
  /** A folder that the page reads below `/work/`. */
  readonly work?: string
}

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/**
 * Opens the page of `page/`, which has this package as `window.web`, beside the tiny model's files below `/tiny/`. No call
 * on it has a time limit of its own.
 *
 * @throws {Error} if the package is not built, or there is no Chromium
 */
export async function openWebPage({ work, ...options }: WebPageOptions = {}): Promise<WebPage> {
  if (!existsSync(folder("../dist/worker.js"))) throw new Error("runtime-web is not built: run turbo run build first")
  const browser = await launchWithWebgpu()
  const server = await serveFolders(
    {
      "/web/": folder("../dist/"),
      "/format/": folder("../../format/dist/"),
      "/tiny/": folder("../../tiny/model/"),
      ...(work === undefined ? {} : { "/work/": work }),
      "/": folder("page/"),
    },
    options,
  )
  const close = async (): Promise<void> => {
    await browser.close()
    await server.close()
  }
  try {
    const problems: string[] = []
    const openAnother = async (): Promise<Page> => opened(await browser.newPage(), server.url)
    return { page: await opened(await browser.newPage(), server.url, problems), server, problems, openAnother, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function opened(page: Page, url: string, problems: string[] = []): Promise<Page> {
  page.setDefaultTimeout(600_000)
  page.on("pageerror", (error) => problems.push(error.message))
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text())
  })
  await page.goto(url)
  await page.waitForFunction(() => window.web !== undefined)
  return page
}
