import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client"
import { isFinal } from "./jobs/job.ts"
import type { JobQueue, RunPlace } from "./jobs/job-queue.ts"

/** Metrics in Prometheus' text form. */
export interface Metrics {
  readonly contentType: string
  text(): Promise<string>
  /** Counts a request. @param route the pattern, not the address: addresses are without number */
  request(method: string, route: string, status: number, seconds: number): void
  dispose(): void
}

/** Seconds of buckets: from a tiny picture to an hour. */
const JOB_SECONDS = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600]

type RedisRunPlace = Extract<RunPlace, { readonly kind: "redis" }>

/** Metrics of a queue, its requests and the process. @param hasWorkers whether its jobs run elsewhere */
export function createMetrics(queue: JobQueue, storage: () => number, hasWorkers: boolean): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const jobs = new Counter({
    ...{ name: "lllite_jobs_total", help: "Jobs that have ended.", labelNames: ["kind", "state"], registers },
  })
  const seconds = new Histogram({
    ...{ name: "lllite_job_seconds", help: "Seconds that jobs ran.", labelNames: ["kind"], registers },
    buckets: JOB_SECONDS,
  })
  const gauges = [
    ["lllite_jobs_waiting", "Jobs that wait.", () => queue.waiting.length],
    ["lllite_jobs_running", "Jobs that run.", () => queue.running.length],
    ["lllite_storage_bytes", "Bytes of uploads and results.", storage],
  ] as const
  for (const [name, help, read] of gauges) {
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(read())
      },
    })
  }
  // -1: Redis does not say.
  const places = [
    ["lllite_redis_connected", "Whether Redis is connected.", (place: RedisRunPlace) => Number(place.isConnected)],
    ["lllite_workers", "Workers that are connected to Redis.", (place: RedisRunPlace) => place.workers ?? -1],
  ] as const
  for (const [name, help, read] of hasWorkers ? places : []) {
    new Gauge({
      ...{ name, help, registers },
      async collect() {
        const place = await queue.runPlace()
        if (place.kind === "redis") this.set(read(place))
      },
    })
  }
  const requests = new Histogram({
    ...{ name: "lllite_request_seconds", help: "Seconds until an answer began." },
    ...{ labelNames: ["method", "route", "status"], registers },
    buckets: [0.005, 0.025, 0.1, 0.5, 2.5, 10],
  })
  const leave = queue.listen({
    event(job, event) {
      if (event.type !== "state" || !isFinal(job)) return
      jobs.inc({ kind: job.kind, state: job.state })
      if (job.started !== null && job.finished !== null) {
        seconds.observe({ kind: job.kind }, (Date.parse(job.finished) - Date.parse(job.started)) / 1000)
      }
    },
  })
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    request: (method, route, status, taken) => requests.observe({ method, route, status }, taken),
    dispose: () => {
      leave()
      registry.clear()
    },
  }
}
