import type { FastifyInstance } from "fastify"
import { ServeError } from "../errors.ts"
import type { Job } from "../jobs/job.ts"
import { isFinal } from "../jobs/job.ts"
import type { JobQueue } from "../jobs/job-queue.ts"
import type { PromptNote, ShownImage } from "./prompt.ts"
import { fieldsOf, noteOf, outputsOf } from "./prompt.ts"

/** States in the words of ComfyUI's list of jobs. */
const STATES: Readonly<Record<Job["state"], string>> = {
  queued: "pending",
  running: "in_progress",
  done: "completed",
  failed: "failed",
  cancelled: "cancelled",
}

/** Jobs of a list at most, and where none is asked for. */
const [MOST, FALLBACK] = [1000, 200]

/** ComfyUI's newer list of jobs, which its page shows as queue and history. Source: ComfyUI, `comfy_execution/jobs.py`. */
export function jobRoutes(app: FastifyInstance, queue: JobQueue): void {
  const find = (id: string): Job => {
    const job = queue.get(id)
    if (noteOf(job) === null) throw new ServeError("job-unknown", `there is no job ${JSON.stringify(id)} of a graph.`)
    return job
  }
  app.get("/jobs", ({ query }) => {
    const { status, limit, offset } = fieldsOf(query)
    const wanted = typeof status === "string" && status !== "" ? status.split(",") : Object.values(STATES)
    const [most, from] = [Math.min(MOST, numberOf(limit, FALLBACK)), numberOf(offset, 0)]
    const found = queue.jobs.filter((job) => noteOf(job) !== null && wanted.includes(STATES[job.state])).toReversed()
    const jobs = found.slice(from, from + most).flatMap((job) => shownJob(job) ?? [])
    return {
      jobs,
      pagination: { offset: from, limit: most, total: found.length, has_more: from + jobs.length < found.length },
    }
  })
  app.get<{ Params: { readonly id: string } }>("/jobs/:id", ({ params }) => {
    const job = find(params.id)
    const note = noteOf(job)
    return {
      ...shownJob(job),
      workflow: { prompt: note?.prompt, extra_data: note?.extra ?? {} },
      outputs: note === null ? {} : outputsOf(job.results, note),
      update_time: Date.parse(job.finished ?? job.started ?? job.created),
    }
  })
  const cancel = async (job: Job): Promise<void> => {
    if (!isFinal(job)) await queue.cancel(job.id)
  }
  app.post<{ Params: { readonly id: string } }>("/jobs/:id/cancel", async ({ params }) => {
    await cancel(find(params.id))
    return {}
  })
  app.post("/jobs/cancel", async ({ body }) => {
    const { job_ids: ids } = fieldsOf(body)
    const chosen = queue.jobs.filter((job) => noteOf(job) !== null && Array.isArray(ids) && ids.includes(job.id))
    for (const job of chosen) await cancel(job)
    return {}
  })
}

function numberOf(text: unknown, fallback: number): number {
  return typeof text === "string" && /^\d{1,6}$/.test(text) ? Number(text) : fallback
}

function shownJob(job: Job): object | null {
  const note = noteOf(job)
  if (note === null) return null
  const { id, state, created, started, finished, error, results, sequence } = job
  const images = imagesOf(job, note)
  return {
    ...{ id, status: STATES[state], create_time: Date.parse(created), priority: sequence },
    execution_start_time: started === null ? null : Date.parse(started),
    execution_end_time: finished === null ? null : Date.parse(finished),
    preview_output: images.at(-1) ?? null,
    outputs_count: results.length,
    workflow_id: null,
    ...(error === null ? {} : { execution_error: errorOf(job, note) }),
  }
}

function imagesOf({ results }: Job, note: PromptNote): readonly object[] {
  const outputs = outputsOf(results, note) as Readonly<Record<string, { readonly images: readonly ShownImage[] }>>
  return Object.entries(outputs).flatMap(([nodeId, { images }]) =>
    images.map((image) => ({ ...image, nodeId, mediaType: "images" })),
  )
}

function errorOf({ id, error }: Job, { sampler }: PromptNote): object {
  return {
    ...{ prompt_id: id, node_id: sampler, node_type: "KSampler", executed: [], traceback: [], current_inputs: {} },
    ...{ exception_message: error?.message ?? "", exception_type: error?.code ?? "" },
  }
}
