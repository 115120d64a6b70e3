import swagger from "@fastify/swagger"
import type { FastifyPluginAsync } from "fastify"
import Type from "typebox"
import { ServeError } from "../errors.ts"
import type { ModelKind } from "../files/library.ts"
import { MODEL_KINDS } from "../files/library.ts"
import { mediaType } from "../files/media-type.ts"
import { sendFile } from "../files/send-file.ts"
import { checkRecipes } from "../jobs/check-recipes.ts"
import type { Job } from "../jobs/job.ts"
import type { Service } from "../service.ts"
import { sendEvents } from "./events.ts"
import type { JobView } from "./schemas.ts"
import { ContentSchema, ErrorSchema, HashParams, IdParams, JobBody, JobSchema, JobsQuery } from "./schemas.ts"

const DEFAULT_PAGE = 100

/** LLLite's own API, with its OpenAPI document. */
export function llliteRoutes(service: Service, version: string): FastifyPluginAsync {
  const { queue, contents, library, limits } = service
  const viewOf = (job: Job): JobView => {
    const { id, kind, state, attempts, created, started, finished, results, error, events } = job
    const progress = queue.progress(id)
    return {
      ...{ id, kind, state, attempts, created, started, finished, error, results: [...results] },
      notices: events.flatMap((event) => (event.type === "notice" ? [event.text] : [])),
      progress: progress === null ? null : { ...progress, figures: { ...progress.figures } },
    }
  }
  const answers = (status: number, schema: Type.TSchema): object => ({ [status]: schema, "4xx": ErrorSchema })

  return async (app) => {
    await app.register(swagger, {
      openapi: {
        openapi: "3.1.0",
        info: { title: "lllite serve", version, description: "Jobs of LLLite: pictures, control pictures, training." },
        components: { securitySchemes: { key: { type: "http", scheme: "bearer" } } },
      },
    })
    app.get("/v1/openapi.json", { schema: { hide: true } }, () => app.swagger())

    app.get(
      "/v1/models",
      {
        schema: {
          summary: "The models that recipes may name, by kind",
          response: answers(200, Type.Record(Type.String(), Type.Array(Type.String()))),
        },
      },
      async () => {
        const lists = MODEL_KINDS.map(async (kind): Promise<readonly [ModelKind, readonly string[]]> => {
          const models = await library.list(kind)
          return [kind, models.map(({ name }) => name)]
        })
        return Object.fromEntries(await Promise.all(lists))
      },
    )

    app.post<{ Body: JobBody }>(
      "/v1/jobs",
      { schema: { summary: "Start a job", body: JobBody, response: answers(202, JobSchema) } },
      async ({ body }, reply) => {
        const note = { api: "lllite" } as const
        const job =
          body.kind === "generate"
            ? await service.generate({ recipes: checkRecipes(body.recipes, limits) }, note)
            : await service.command(body.kind, { options: body.options ?? {}, files: body.files ?? [] }, note)
        return reply.status(202).header("location", `/v1/jobs/${job.id}`).send(viewOf(job))
      },
    )

    app.get<{ Querystring: JobsQuery }>(
      "/v1/jobs",
      {
        schema: {
          summary: "The jobs, the newest first",
          querystring: JobsQuery,
          response: answers(200, Type.Object({ jobs: Type.Array(JobSchema) })),
        },
      },
      ({ query }) => {
        const jobs = queue.jobs.filter(({ state }) => query.state === undefined || state === query.state)
        return {
          jobs: jobs
            .toReversed()
            .slice(0, Number(query.limit ?? DEFAULT_PAGE))
            .map(viewOf),
        }
      },
    )

    app.get<{ Params: IdParams }>(
      "/v1/jobs/:id",
      { schema: { summary: "A job", params: IdParams, response: answers(200, JobSchema) } },
      ({ params }) => viewOf(queue.get(params.id)),
    )

    app.get<{ Params: IdParams }>(
      "/v1/jobs/:id/events",
      {
        schema: {
          summary: "The events of a job, as server-sent events. Last-Event-ID resumes them",
          params: IdParams,
          produces: ["text/event-stream"],
        },
      },
      ({ params }, reply) => sendEvents(queue, params.id, reply.request, reply),
    )

    app.post<{ Params: IdParams }>(
      "/v1/jobs/:id/cancel",
      { schema: { summary: "Cancel a job", params: IdParams, response: answers(200, JobSchema) } },
      async ({ params }) => viewOf(await queue.cancel(params.id)),
    )

    app.delete<{ Params: IdParams }>(
      "/v1/jobs/:id",
      { schema: { summary: "Remove an ended job and its files", params: IdParams, response: { 204: Type.Null() } } },
      async ({ params }, reply) => {
        await queue.remove(params.id)
        return reply.status(204).send()
      },
    )

    app.get<{ Params: HashParams }>(
      "/v1/files/:sha256",
      { schema: { summary: "A file by its SHA-256: an upload or a result", params: HashParams } },
      async ({ params }, reply) => {
        const path = await contents.find(params.sha256)
        if (path === null) throw new ServeError("route-unknown", `there is no file ${params.sha256}.`)
        return sendFile(reply, path, params.sha256)
      },
    )

    await app.register(async (uploads) => {
      uploads.removeAllContentTypeParsers()
      uploads.addContentTypeParser("*", (_request, payload, done) => done(null, payload))
      uploads.post<{ Body: AsyncIterable<Uint8Array> | undefined }>(
        "/v1/files",
        {
          schema: {
            summary: "Upload a file. Its body is the bytes alone. Recipes name it by its SHA-256",
            response: answers(201, ContentSchema),
          },
        },
        async ({ body }, reply) => {
          if (body === undefined) throw new ServeError("body", "the body is empty. Send the bytes of a file.")
          const content = await contents.add(upTo(body, limits.bodyBytes))
          const path = await contents.find(content.sha256)
          if (path === null) throw new Error("the upload is gone")
          return reply.status(201).send({ ...content, type: await mediaType(path) })
        },
      )
    })
  }
}

/** The bytes of a body. @throws ServeError `body-size` */
async function* upTo(bytes: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Uint8Array, void, void> {
  let size = 0
  for await (const piece of bytes) {
    size += piece.byteLength
    if (size > most) {
      throw new ServeError(
        "body-size",
        `the file is larger than ${most} bytes. Send a smaller one, or raise --max_body_mb.`,
      )
    }
    yield piece
  }
}
