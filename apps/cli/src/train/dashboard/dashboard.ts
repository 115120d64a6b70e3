import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { encodePng } from "@lllite/runtime-node"
import { UsageError } from "../../terminal/errors.ts"
import type { RunObserver, StepRecord } from "../observer.ts"
import type { SampleSet } from "../samples/run-samples.ts"
import type { StepHistory } from "../step-history.ts"
import type { ValidationRecord } from "../validation/run-validation.ts"
import { PAGE, SCRIPT, STYLE } from "./page.ts"

/** The run that a page shows. */
export interface ShownRun {
  readonly name: string
  readonly steps: number
  readonly perEpoch: number
  /** The steps before, if the run continues. */
  readonly history: StepHistory
}

/** A page of a run on this machine. */
export interface Dashboard extends Required<Pick<RunObserver, "step" | "samples" | "validation" | "close">> {
  readonly url: string
}

/** The address of this machine alone. */
const LOOPBACK = "127.0.0.1"
/** The most points of the steps before that a page gets at once. */
const MOST_POINTS = 2000
/** The most sets of samples that are kept. */
const MOST_SETS = 12
/** Steps over which the time left is estimated. */
const RATE_WINDOW = 20

/**
 * Opens a page that shows a run while it trains. It can be reached from this machine alone.
 *
 * @param port null takes a free one
 * @throws UsageError when the port is in use, or may not be used
 */
export async function openDashboard(port: number | null, run: ShownRun): Promise<Dashboard> {
  const pictures = new Map<string, Uint8Array>()
  const listeners = new Set<ServerResponse>()
  const points: object[] = pastPoints(run.history)
  const validations: object[] = []
  let samples: { readonly step: number; readonly rows: readonly SampleRow[] }[] = []
  let pictureCount = 0
  let recent: number[] = []

  const server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo
    const refusal = refusalOf(request, port)
    if (refusal !== null) {
      response.writeHead(refusal, { "content-type": "text/plain" }).end("This page is for the machine that trains.\n")
      return
    }
    const path = (request.url ?? "/").replace(/\?.*$/, "")
    if (path === "/events") return listen(response)
    const picture = pictures.get(/^\/pictures\/(\d+)\.png$/.exec(path)?.[1] ?? "")
    const file = FILES.get(path)
    if (picture !== undefined) response.writeHead(200, headers("image/png", "max-age=86400")).end(picture)
    else if (file !== undefined) response.writeHead(200, headers(file.type)).end(file.text)
    else response.writeHead(404, headers("text/plain")).end("There is no such page.\n")
  })
  await listenOn(server, port ?? 0)
  // A page does not keep the program from ending.
  server.unref()

  function listen(response: ServerResponse): void {
    response.writeHead(200, headers("text/event-stream"))
    const { name, steps, perEpoch } = run
    send(response, "run", { name, steps, perEpoch, points: thinned(points), validations, samples })
    listeners.add(response)
    response.on("close", () => listeners.delete(response))
  }
  const tell = (name: string, data: object): void => {
    for (const listener of listeners) send(listener, name, data)
  }
  const keep = (image: Parameters<typeof encodePng>[0]): string => {
    const id = String(pictureCount++)
    pictures.set(id, encodePng(image))
    return id
  }
  const idOf = new WeakMap<object, string>()
  const keepOnce = (image: Parameters<typeof encodePng>[0]): string => {
    const id = idOf.get(image) ?? keep(image)
    idOf.set(image, id)
    return id
  }

  return {
    url: `http://${LOOPBACK}:${(server.address() as AddressInfo).port}/`,

    step(record: StepRecord) {
      if (record.seconds !== null) recent = [...recent, record.seconds].slice(-RATE_WINDOW)
      const perStep = recent.reduce((sum, seconds) => sum + seconds, 0) / recent.length
      const secondsLeft = recent.length === 0 ? null : perStep * (run.steps - record.step)
      const point = { ...record, secondsLeft }
      points.push(point)
      tell("step", point)
    },

    validation({ step, loss, lossWithout, follow }: ValidationRecord) {
      const followed = { follow: follow?.with ?? null, followWithout: follow?.without ?? null }
      const shown = { step, loss, lossWithout, ...followed }
      validations.push(shown)
      tell("validation", shown)
    },

    samples({ step, pictures: drawn }: SampleSet) {
      const rows = drawn.map(({ sample: { prompt }, control, without, with: image }) => ({
        prompt,
        pictures: [keepOnce(control), keepOnce(without), keep(image)],
      }))
      samples.push({ step, rows })
      samples = samples.slice(-MOST_SETS)
      const shown = new Set(samples.flatMap((set) => set.rows.flatMap((row) => row.pictures)))
      for (const id of pictures.keys()) if (!shown.has(id)) pictures.delete(id)
      tell("samples", { step, rows })
    },

    async close() {
      const last = points.at(-1) as { readonly step?: number } | undefined
      const isWhole = (last?.step ?? 0) >= run.steps
      tell("end", { text: isWhole ? "The run is complete." : `The run ended after step ${last?.step ?? 0}.` })
      for (const listener of listeners) listener.end()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
        // A page that does not read does not hold up the end.
        setTimeout(() => server.closeAllConnections(), 500).unref()
      })
    },
  }
}

/** Tries whether a port is free, before the work. @throws UsageError */
export async function tryPort(port: number | null): Promise<void> {
  if (port === null) return
  const server = createServer()
  await listenOn(server, port)
  await new Promise<void>((resolve) => server.close(() => resolve()))
}

interface SampleRow {
  readonly prompt: string
  /** Numbers of the control, and the pictures without the LLLite and with it. */
  readonly pictures: readonly string[]
}

const FILES: ReadonlyMap<string, { readonly type: string; readonly text: string }> = new Map([
  ["/", { type: "text/html; charset=utf-8", text: PAGE }],
  ["/page.css", { type: "text/css; charset=utf-8", text: STYLE }],
  ["/page.js", { type: "text/javascript; charset=utf-8", text: SCRIPT.replace("MOST_SETS", String(MOST_SETS)) }],
])

/** Pages of other sites are kept out, and the page loads nothing from elsewhere. */
function headers(type: string, caching = "no-store"): Readonly<Record<string, string>> {
  return {
    "content-type": type,
    "cache-control": caching,
    "content-security-policy":
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
  }
}

/**
 * The status with which a request is refused, or null. A site could give its own name the address of this machine. Then
 * the host that the browser names is not one of ours.
 */
function refusalOf({ method, headers: { host } }: IncomingMessage, port: number): number | null {
  if (host !== `${LOOPBACK}:${port}` && host !== `localhost:${port}`) return 403
  return method === "GET" || method === "HEAD" ? null : 405
}

function send(response: ServerResponse, name: string, data: object): void {
  response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
}

function pastPoints(history: StepHistory): object[] {
  return Array.from({ length: history.length }, (_, index) => ({
    step: index + 1,
    averageLoss: history.averageLoss(index),
    ...history.at(index),
  }))
}

/** Every nth point, and the last one. */
function thinned(points: readonly object[]): readonly object[] {
  const every = Math.ceil(points.length / MOST_POINTS)
  return points.filter((_, i) => i % every === 0 || i === points.length - 1)
}

async function listenOn(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(portError(error, port)))
    server.listen(port, LOOPBACK, resolve)
  })
}

function portError({ code, message }: NodeJS.ErrnoException, port: number): UsageError {
  const why =
    code === "EADDRINUSE"
      ? "is in use"
      : code === "EACCES"
        ? "may not be used without more rights"
        : `fails: ${message}`
  return new UsageError(
    "options",
    `port ${port} for the dashboard ${why}. Choose another one, or leave out dashboard_port.`,
  )
}
