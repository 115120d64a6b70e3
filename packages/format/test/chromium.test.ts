import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import type { ServerResponse } from "node:http"
import { basename } from "node:path"
import { fileURLToPath } from "node:url"
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { checkLllite } from "../src/health/index.ts"
import type { FormatError } from "../src/index.ts"
import { readLllite } from "../src/index.ts"
import { launchChromium, needsChromium } from "./chromium.ts"
import type { FileServer } from "./file-server.ts"
import { sendRange, startServer } from "./file-server.ts"
import { smallLllite } from "./lllite-file.ts"

/*
 * The built package in a real browser, loaded by <script type="module"> without a bundler, under a policy that allows
 * nothing but the server's own scripts. `turbo run build` comes first.
 */

const ENTRIES = [
  "index",
  "identify",
  "write",
  "modelspec",
  "selections",
  "health",
  "remote",
  "sharded",
  "edit",
] as const

type Entries = typeof import("../src/index.ts") &
  typeof import("../src/write/index.ts") &
  typeof import("../src/health/index.ts") &
  typeof import("../src/remote/index.ts")

declare global {
  interface Window {
    /** Everything that the entries export, once the page has loaded. */
    format: Entries
    exported: Readonly<Record<string, readonly string[]>>
  }
}

const PAGE = `<!doctype html><meta charset="utf-8"><title>format</title><script type="module" src="/page.js"></script>`

const PAGE_SCRIPT = `${ENTRIES.map((entry) => `import * as ${entry} from "/format/${entry}.js"`).join("\n")}
const entries = { ${ENTRIES.join(", ")} }
window.format = Object.assign({}, ...Object.values(entries))
window.exported = Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, Object.keys(entry)]))
`

const WORKER_SCRIPT = `import { readLllite } from "/format/index.js"
import { convertSafetensors } from "/format/edit.js"
import { safetensorsChunks } from "/format/write.js"
onmessage = async ({ data }) => {
  const file = await readLllite(data)
  const { tensors, metadata } = await convertSafetensors(data, { dtype: "F16" })
  const chunks = []
  for await (const chunk of safetensorsChunks(tensors, metadata)) chunks.push(chunk)
  const half = await readLllite(new Blob(chunks))
  postMessage({ label: file.label, sites: file.sites.length, dtypes: half.dtypes })
}
`

const dist = fileURLToPath(new URL("../dist/", import.meta.url))
describe("the built package in Chromium", needsChromium, () => {
  let browser: Browser
  let server: FileServer
  let elsewhere: FileServer
  let page: Page
  let bytes: Uint8Array<ArrayBuffer>
  const problems: string[] = []

  beforeAll(async () => {
    if (!existsSync(`${dist}sharded.js`)) throw new Error("format is not built: run turbo run build first")
    bytes = await smallLllite({ metadata: new Map([["modelspec.title", "小さい"]]) })
    server = await startServer(async (request, response) => {
      const path = new URL(request.url ?? "", "http://localhost").pathname
      if (path === "/") sendText(response, "text/html", PAGE)
      else if (path === "/page.js") sendText(response, "text/javascript", PAGE_SCRIPT)
      else if (path === "/worker.js") sendText(response, "text/javascript", WORKER_SCRIPT)
      else if (path === "/canny.safetensors") sendRange(request, response, bytes)
      else if (path.startsWith("/format/")) sendText(response, "text/javascript", await built(path))
      else response.writeHead(404).end()
    })
    // Another origin, which lets pages read its files but not its headers.
    elsewhere = await startServer((request, response) => {
      sendRange(request, response, bytes, { "access-control-allow-origin": "*" })
    })
    browser = await launchChromium()
    page = await browser.newPage()
    page.on("pageerror", (error) => problems.push(String(error)))
    page.on("console", (message) => {
      // The browser asks for an icon by itself.
      if (message.type() === "error" && !message.location().url.endsWith("/favicon.ico")) problems.push(message.text())
    })
    await page.goto(server.origin)
    await page.waitForFunction(() => window.exported !== undefined)
  })

  afterAll(async () => {
    await browser?.close()
    await Promise.all([server?.close(), elsewhere?.close()])
  })

  it("has every entry, with all that it has in Node", async () => {
    const inPage = await page.evaluate(() => window.exported)
    for (const entry of ENTRIES) {
      const inNode: object = await import(`${dist}${entry}.js`)
      expect(inPage[entry]).toEqual(Object.keys(inNode))
    }
    expect(Object.keys(inPage)).toEqual([...ENTRIES])
  })

  it("reads, checks and writes a file that the user picked", async () => {
    await page.setContent(`<input type="file">`)
    const buffer = Buffer.from(bytes)
    await page.setInputFiles("input", { name: "小さい.safetensors", mimeType: "application/octet-stream", buffer })
    const seen = await page.evaluate(async () => {
      const [picked] = document.querySelector("input")?.files ?? []
      if (picked === undefined) throw new Error("no file")
      const { readLllite, checkLllite, serializeLllite } = window.format
      const file = await readLllite(picked)
      const { findings } = await checkLllite(file)
      const again = await serializeLllite({
        sites: file.sites,
        values: (site, name) => file.tensor(site, name),
        dtype: "F32",
        metadata: file.metadata,
      })
      return {
        label: file.label,
        sites: file.sites.map(({ key }) => key),
        title: file.metadata.get("modelspec.title"),
        findings: findings.map(({ code }) => code),
        again: [...again],
      }
    })
    const file = await readLllite(bytes)
    const findings = (await checkLllite(file)).findings.map(({ code }) => code)
    expect(seen).toMatchObject({ label: "小さい.safetensors", title: "小さい", findings })
    expect(seen.sites).toEqual(file.sites.map(({ key }) => key))
    expect(Buffer.from(seen.again).equals(bytes)).toBe(true)
    await page.goto(server.origin)
    await page.waitForFunction(() => window.exported !== undefined)
  })

  it("reads an address by ranges, also of another origin that hides its headers", async () => {
    for (const { origin, served } of [server, elsewhere]) {
      served.length = 0
      const sites = await page.evaluate(async (url) => {
        const source = await window.format.fromUrl(url)
        const file = await window.format.readLllite(source)
        const [site] = file.sites
        if (site === undefined) throw new Error("no site")
        const values = await file.tensor(site, "up.0.weight")
        await source.close()
        return { count: file.sites.length, value: values[0] }
      }, `${origin}/canny.safetensors`)
      expect(sites).toEqual({ count: (await readLllite(bytes)).sites.length, value: 0.25 })
      const asked = served.filter(({ method }) => method === "GET").map(({ range }) => range)
      expect(asked[0]).toBe("bytes=0-65535")
      expect(asked.every((range) => range !== undefined)).toBe(true)
    }
  })

  it("works in a worker, on a file from the page", async () => {
    const answer = await page.evaluate(
      async (values) => {
        const worker = new Worker("/worker.js", { type: "module" })
        const answered = new Promise<unknown>((resolve, reject) => {
          worker.onmessage = ({ data }) => resolve(data)
          worker.onerror = ({ message }) => reject(new Error(message))
        })
        worker.postMessage(new File([Uint8Array.from(values)], "from page.safetensors"))
        return answered.finally(() => worker.terminate())
      },
      [...bytes],
    )
    const { sites } = await readLllite(bytes)
    expect(answer).toEqual({ label: "from page.safetensors", sites: sites.length, dtypes: ["F16"] })
  })

  it("refuses by FormatError", async () => {
    const refused = await page.evaluate(async () => {
      const { FormatError, readLllite } = window.format
      const error: unknown = await readLllite(new Blob(["PK\u0003\u0004 and more"])).catch((caught: unknown) => caught)
      if (!(error instanceof FormatError)) throw new Error(String(error))
      return { code: error.code, message: error.message } satisfies Partial<FormatError>
    })
    expect(refused).toEqual({ code: "pickle", message: expect.stringMatching(/^"blob": expected a safetensors file/) })
  })

  it("did all of this without an error in the page", () => {
    expect(problems).toEqual([])
  })
})

/** One of the package's own files; its name alone, so that no path leads out of the folder. */
function built(path: string): Promise<string> {
  return readFile(`${dist}${basename(path)}`, "utf8")
}

function sendText(response: ServerResponse, type: string, text: string): void {
  const policy = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self' http://127.0.0.1:*"
  response.writeHead(200, { "content-type": `${type}; charset=utf-8`, "content-security-policy": policy })
  response.end(text)
}
