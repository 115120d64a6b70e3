import { readFile } from "node:fs/promises"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { extname, join, normalize } from "node:path"
import type { Browser } from "playwright-core"
import { launchChromium } from "../../format/test/chromium.ts"

/** Starts Chromium without a window, with WebGPU in software. */
export function launchWithWebgpu(): Promise<Browser> {
  return launchChromium(["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"])
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
}

export interface FileServer {
  /** Ends with a slash. */
  readonly url: string
  /** All requests: the path, and the range if there was one. */
  readonly requests: { readonly path: string; readonly range: string | undefined }[]
  close(): Promise<void>
}

export interface ServeOptions {
  /** Sent with every file. */
  readonly headers?: Readonly<Record<string, string>>
  /** Answers some requests. The others are answered from the folders. */
  readonly answer?: (request: IncomingMessage, response: ServerResponse, path: string) => boolean
}

/** Serves folders under prefixes, like a static host that adds no headers. */
export async function serveFolders(
  folders: Readonly<Record<string, string>>,
  { headers = {}, answer }: ServeOptions = {},
): Promise<FileServer> {
  const requests: FileServer["requests"] = []
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname))
    requests.push({ path, range: request.headers.range })
    if (answer?.(request, response, path) === true) return
    const [prefix, folder] = Object.entries(folders).find(([prefix]) => path.startsWith(prefix)) ?? []
    if (prefix === undefined || folder === undefined) {
      response.writeHead(404).end()
      return
    }
    const name = path.endsWith("/") ? `${path.slice(prefix.length)}index.html` : path.slice(prefix.length)
    try {
      const bytes = await readFile(join(folder, name))
      const type = TYPES[extname(name)] ?? "application/octet-stream"
      response.writeHead(200, { ...headers, "content-type": type, "content-length": bytes.length }).end(bytes)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
