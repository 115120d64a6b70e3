import type { FastifyReply, FastifyRequest } from "fastify"
import type { JobQueue } from "../jobs/job-queue.ts"

/** Milliseconds after which a client that has lost its connection comes back, and between two signs of life. */
const [RETRY, ALIVE] = [1000, 15_000]

/**
 * Answers with the events of a job as server-sent events, until it ends. `Last-Event-ID` gets those after it.
 *
 * @throws ServeError `job-unknown`
 */
export async function sendEvents(
  queue: JobQueue,
  id: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  queue.get(id)
  const { "last-event-id": last } = request.headers
  const after = typeof last === "string" && /^\d{1,16}$/.test(last) ? Number(last) : 0
  const left = new AbortController()
  const { raw } = reply.hijack()
  raw.on("close", () => left.abort())
  raw.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    // Proxies would keep events back.
    "x-accel-buffering": "no",
  })
  raw.write(`retry: ${RETRY}\n\n`)
  const alive = setInterval(() => raw.write(": alive\n\n"), ALIVE)
  try {
    for await (const { id: event, type, ...data } of queue.watch(id, after, left.signal)) {
      const isTaken = raw.write(`id: ${event}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`)
      if (!isTaken) await drained(raw, left.signal)
    }
  } finally {
    clearInterval(alive)
    raw.end()
  }
}

/** Waits until a slow client has taken what was written, or has left. */
function drained(raw: FastifyReply["raw"], signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    raw.once("drain", resolve)
    signal.addEventListener("abort", () => resolve(), { once: true })
  })
}
