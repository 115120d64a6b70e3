// Opens a built page in Chromium.
import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { createServer } from "node:http"
import { createRequire } from "node:module"
import { extname, join, normalize } from "node:path"

/** Serves a folder, opens it and waits for the page's title. Returns "not opened" if this machine has no Chromium. */
export async function openPage(root, folder) {
  const require = createRequire(join(root, "packages/runtime-web/package.json"))
  const { chromium } = require("playwright-core")
  const executablePath = [
    // biome-ignore lint/suspicious/noUndeclaredEnvVars: no task of turbo reads it
    process.env.CHROMIUM,
    "/usr/bin/chromium",
    "/usr/bin/google-chrome",
    chromium.executablePath(),
  ].find((path) => path && existsSync(path))
  if (executablePath === undefined) return "not opened"
  const types = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" }
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname)
    const bytes = await readFile(join(folder, path.endsWith("/") ? `${path}index.html` : path)).catch(() => null)
    response.writeHead(bytes === null ? 404 : 200, {
      "content-type": types[extname(path)] ?? (path.endsWith("/") ? "text/html" : "application/octet-stream"),
    })
    response.end(bytes)
  })
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] })
  try {
    const page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${server.address().port}/`)
    await page.waitForFunction(() => document.title !== "starts", undefined, { timeout: 300_000 })
    const title = await page.title()
    if (title !== "works on wasm") throw new Error(`the page says: ${title}`)
  } finally {
    await browser.close()
    server.closeAllConnections()
    server.close()
  }
}
