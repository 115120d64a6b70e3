import { createServer as createHttpServer, STATUS_CODES } from "node:http"
import type { AddressInfo } from "node:net"
import multipart from "@fastify/multipart"
import websocket from "@fastify/websocket"
import { checkArgument, checkOptions, checkRanges, type OptionKinds } from "@lllite/core/names"
import type { FastifyInstance } from "fastify"
import Fastify from "fastify"
import { a1111Routes } from "./a1111/routes.ts"
import type { AccessOptions } from "./access/access.ts"
import { createAccessCheck } from "./access/access.ts"
import { pageRoutes } from "./comfyui/page.ts"
import { comfyUiRoutes } from "./comfyui/routes.ts"
import { createSockets } from "./comfyui/sockets.ts"
import { errorText, ServeError } from "./errors.ts"
import type { Library } from "./files/library.ts"
import type { Runner } from "./jobs/runner.ts"
import { readJsonBodies } from "./json-body.ts"
import type { Limits } from "./limits.ts"
import { DEFAULT_LIMITS } from "./limits.ts"
import { llliteRoutes } from "./lllite/routes.ts"
import { createMetrics } from "./metrics.ts"
import type { RedisPlace } from "./redis/place.ts"
import { requestError } from "./request-error.ts"
import { openService } from "./service.ts"

/** Options of {@link startServer}. */
export interface ServerOptions {
  /** The folder of jobs, uploads and results. It is made if it is missing. One server at a time may use it. */
  readonly folder: string
  readonly runner: Runner
  readonly library: Library
  /** Default: 127.0.0.1, which only this machine reaches */
  readonly host?: string
  /** Default: 8188. 0 takes any that is free */
  readonly port?: number
  readonly key?: AccessOptions["key"]
  readonly allowHosts?: AccessOptions["allowHosts"]
  readonly allowOrigins?: AccessOptions["allowOrigins"]
  /** What the server takes at most. Default: `DEFAULT_LIMITS` */
  readonly limits?: Partial<Limits>
  /** Where workers take the jobs: see {@link startWorker}. Default: null, and the runner does them here */
  readonly redis?: RedisPlace | null
  /** Whether the estimate of every step is decoded for clients that watch. Default: false, since it takes time */
  readonly previews?: boolean
  /** Folder of ComfyUI's page: `static` of the Python package comfyui-frontend-package. Default: none */
  readonly page?: string | null
  /** The version that clients get. */
  readonly version: string
  /** Where the log goes, one JSON object a line. Default: nowhere */
  readonly log?: { write(line: string): void }
}

/** A running server. */
export interface Server {
  /** Its address, such as `http://127.0.0.1:8188`. */
  readonly url: string
  /** Stops: jobs that run get a moment to end, and the others wait for the next start. A second call waits for the first. */
  close(): Promise<void>
}

const KINDS: OptionKinds<ServerOptions> = {
  folder: "text",
  runner: "an object",
  library: "an object",
  host: "text",
  port: "a number",
  key: "text or null",
  allowHosts: "a list",
  allowOrigins: "a list",
  limits: "an object",
  redis: "an object or null",
  previews: "true or false",
  page: "text or null",
  version: "text",
  log: "an object",
}

/** The routes of WebSockets. Others would open one, too, and close it again. */
const SOCKETS = ["/ws", "/api/ws"]

/**
 * Starts the server: it listens when the promise resolves. Jobs of earlier runs go on.
 *
 * @throws ServeError `key-missing`; InputError for a folder that cannot be used; the system's error for a port in use
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  checkOptions("server", options, KINDS, ["folder", "runner", "library", "version"])
  for (const name of ["checkCommand", "generate", "command", "dispose"] as const) {
    checkArgument(`server: the runner's ${name}`, options.runner[name], "a function")
  }
  checkArgument("server: the library's list", options.library.list, "a function")
  checkRanges("server", { port: options.port }, { port: { integer: true, min: 0, max: 65_535 } })
  const { host = "127.0.0.1", port = 8188, key = null, version, runner, library, previews = false } = options
  const { allowHosts = [], allowOrigins = [], page = null, redis = null } = options
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits }
  const check = createAccessCheck({ host, key, allowHosts, allowOrigins })
  const app = createApp(limits, options.log)
  const service = await openService({
    ...{ folder: options.folder, library, limits, runner, previews, redis, log: app.log },
  })
  const metrics = createMetrics(service.queue, () => service.contents.size, redis !== null)
  let isStopping = false

  // A page elsewhere can send plain text without asking, and JSON not.
  app.removeContentTypeParser("text/plain")
  readJsonBodies(app)
  // Liveness is not a secret, and its callers seldom have a key.
  app.addHook("onRequest", async (request, reply) => {
    const { url = "" } = request.routeOptions
    if (/^websocket$/i.test(request.headers.upgrade ?? "")) {
      // Node has given this connection away, and does not close it after a refusal.
      reply.raw.once("finish", () => request.raw.socket.destroySoon())
      if (!SOCKETS.includes(url)) {
        throw new ServeError("route-unknown", "there is no WebSocket here. ComfyUI's is at /ws.")
      }
    }
    if (request.routeOptions.url === "/health") return
    check(request)
  })
  app.addHook("onResponse", async (request, reply) => {
    const { url = "unknown" } = request.routeOptions
    metrics.request(request.method, url, reply.statusCode, reply.elapsedTime / 1000)
  })
  app.setNotFoundHandler((request) => {
    throw new ServeError("route-unknown", `there is no ${request.method} ${request.url.split("?")[0]?.slice(0, 200)}.`)
  })
  app.setErrorHandler((error, request, reply) => {
    const known = requestError(error, limits)
    if (known.status >= 500) request.log.error({ err: error }, "the request failed")
    if (known.status === 401) void reply.header("www-authenticate", 'Basic realm="lllite"')
    return reply.status(known.status).send({ error: errorText(known.error, { root: service.root }) })
  })
  app.get("/health", { schema: { hide: true } }, async () => {
    const { kind, ...state } = await service.queue.runPlace()
    return { status: isStopping ? "stopping" : "ok", version, ...(kind === "redis" ? { redis: state } : {}) }
  })
  app.get("/metrics", { schema: { hide: true } }, async (_, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  )
  await app.register(multipart, { limits: { fileSize: limits.bodyBytes, files: 4, fields: 32, fieldSize: 2 ** 20 } })
  await app.register(websocket, { options: { maxPayload: 2 ** 20 } })
  await app.register(llliteRoutes(service, version))
  const sockets = createSockets(service.queue)
  // ComfyUI's page asks below /api, and older clients do not.
  for (const prefix of ["", "/api"]) {
    await app.register(comfyUiRoutes(service, sockets, version, page), { prefix })
  }
  await app.register(a1111Routes(service, version))
  await pageRoutes(app, page)
  await app.listen({ host, port })
  const { port: bound } = app.server.address() as AddressInfo
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${bound}`

  const stop = async (): Promise<void> => {
    isStopping = true
    // Work that does not heed its signal is ended with its process.
    const end = setTimeout(() => void runner.dispose(), 1000 * limits.stopSeconds + END_TIME)
    await service.queue.stop()
    clearTimeout(end)
    await service.close()
    await runner.dispose()
    sockets.close()
    // Answers that are under way get a moment.
    const timer = setTimeout(() => app.server.closeAllConnections(), CLOSE_TIME)
    await app.close()
    clearTimeout(timer)
    metrics.dispose()
  }
  let stopped: Promise<void> | null = null
  return {
    url,
    close: () => {
      stopped ??= stop()
      return stopped
    },
  }
}

function createApp(limits: Limits, log: ServerOptions["log"]): FastifyInstance {
  const milliseconds = 1000 * limits.requestSeconds
  return Fastify({
    bodyLimit: limits.bodyBytes,
    requestTimeout: milliseconds,
    // A name in a path is as long as that of an upload at most.
    routerOptions: { maxParamLength: 1000 },
    serverFactory: (handler) => {
      const server = createHttpServer(
        {
          ...{ requestTimeout: milliseconds, headersTimeout: milliseconds },
          connectionsCheckingInterval: Math.min(milliseconds, CHECK_EVERY),
        },
        handler,
      )
      server.maxConnections = MOST_CONNECTIONS
      return server
    },
    // What is not HTTP reaches no route, and so none of their error handlers.
    clientErrorHandler(error, socket) {
      const known = requestError(error, limits)
      // A connection that is lost gets no answer.
      if (!socket.writable || known.status >= 500) return void socket.destroy()
      const body = JSON.stringify({ error: errorText(known.error) })
      const head = `HTTP/1.1 ${known.status} ${STATUS_CODES[known.status] ?? ""}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`
      socket.end(head + body)
    },
    forceCloseConnections: "idle",
    logger: log === undefined ? false : { level: "info", stream: log },
    // The schemas say what is taken. Nothing is removed or changed without a word.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false, discriminator: true } },
  })
}

/** Milliseconds after which slow requests are looked for. */
const CHECK_EVERY = 5000

/** Milliseconds in which aborted work has to end. */
const END_TIME = 5000

/** Milliseconds until connections that are in use are closed, too. */
const CLOSE_TIME = 1000

/** Connections at once, those that wait for events included. */
const MOST_CONNECTIONS = 1000
