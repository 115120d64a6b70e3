import type { Job as BullJob } from "bullmq"
import type { Redis } from "ioredis"
import type { JobProgress } from "../jobs/job.ts"
import type { JobReport } from "../jobs/runner.ts"
import { previewChannel } from "./keys.ts"
import { publishPreview } from "./previews.ts"
import type { TaskReport } from "./task.ts"

/** Reports of a running job, on their way to its server. */
export interface Reports {
  readonly notices: readonly string[]
  readonly take: (report: JobReport) => void
  /** Sends what waits, and nothing more. */
  end(): Promise<void>
}

/** Milliseconds between two reports. Newer ones replace those that wait. */
const SEND_EVERY = 100

/** The most notices of a job. */
const MOST_NOTICES = 1000

/** Sends reports one after another. What Redis does not take is left out: the result has all notices. */
export function createReports(
  bull: Pick<BullJob<unknown, unknown>, "updateProgress">,
  client: Redis,
  { server, job }: { readonly server: string; readonly job: string },
): Reports {
  const notices: string[] = []
  let progress: JobProgress | null = null
  let preview: Uint8Array | null = null
  let hasNews = false
  let timer: NodeJS.Timeout | null = null
  let sending = Promise.resolve()
  const send = async (): Promise<void> => {
    hasNews = false
    const png = preview
    preview = null
    const report: TaskReport = { progress, notices: [...notices] }
    await bull.updateProgress(report)
    if (png !== null) await publishPreview(client, previewChannel(server), job, png)
  }
  const begin = (): void => {
    sending = sending.then(send).catch(() => {})
    timer = setTimeout(() => {
      timer = null
      if (hasNews) void sending.then(begin)
    }, SEND_EVERY)
  }
  return {
    notices,
    take(report) {
      if (report.type === "preview") preview = report.png
      else if (report.type === "progress") progress = report
      else if (notices.length < MOST_NOTICES) notices.push(report.text)
      hasNews = true
      // What is reported at once is sent at once.
      timer ??= setTimeout(begin)
    },
    async end() {
      if (timer !== null) clearTimeout(timer)
      timer = null
      if (hasNews) sending = sending.then(send).catch(() => {})
      await sending
    },
  }
}
