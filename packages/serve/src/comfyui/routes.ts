import { randomUUID } from "node:crypto"
import { freemem, totalmem } from "node:os"
import { parseWorkflow } from "@lllite/core/recipe"
import type { FastifyPluginAsync, FastifyRequest } from "fastify"
import { errorText, ServeError } from "../errors.ts"
import { type ModelKind, namesOf } from "../files/library.ts"
import { sendFile } from "../files/send-file.ts"
import type { Job } from "../jobs/job.ts"
import { readJsonBodies } from "../json-body.ts"
import type { Service } from "../service.ts"
import { historyEntry, historyOf } from "./history.ts"
import { jobRoutes } from "./job-routes.ts"
import { objectInfo } from "./object-info.ts"
import { pageExtensions } from "./page.ts"
import { acceptPrompt, fieldsOf, hashOfName, noteOf, queueEntry } from "./prompt.ts"
import type { Sockets } from "./sockets.ts"
import { uploadRoutes } from "./uploads.ts"
import { userRoutes } from "./user-routes.ts"

/** ComfyUI's folders of models. */
const FOLDERS: Readonly<Record<string, ModelKind>> = {
  checkpoints: "checkpoint",
  diffusion_models: "unet",
  vae: "vae",
  loras: "lora",
  embeddings: "textual-inversion",
  controlnet: "adapter",
}

/** @throws ServeError `route-unknown` */
function kindOf(folder: string): ModelKind {
  const kind = Object.hasOwn(FOLDERS, folder) ? FOLDERS[folder] : undefined
  if (kind === undefined) throw new ServeError("route-unknown", "there is no such folder of models.")
  return kind
}

/**
 * ComfyUI's API over the nodes that workflows may have. Source: ComfyUI 005f3ba, `server.py`.
 *
 * @param version of this server
 * @param page folder of ComfyUI's page. Null: there is none
 */
export function comfyUiRoutes(
  service: Service,
  sockets: Sockets,
  version: string,
  page: string | null,
): FastifyPluginAsync {
  const { queue, library, inputs, contents } = service
  const listed = (jobs: readonly Job[]): readonly (readonly unknown[])[] =>
    jobs.flatMap((job) => {
      const note = noteOf(job)
      return note === null ? [] : [queueEntry(job, note)]
    })
  /** The jobs of this API that a request names, where there are any. */
  const named = (body: unknown): readonly Job[] => {
    const ids = fieldsOf(body).delete
    return queue.jobs.filter((job) => noteOf(job) !== null && Array.isArray(ids) && ids.includes(job.id))
  }
  const query = (request: FastifyRequest, name: string): string => {
    const value = fieldsOf(request.query)[name]
    return typeof value === "string" ? value : ""
  }

  return async (app) => {
    // Seeds above 2^53 are numbers in ComfyUI's JSON.
    readJsonBodies(app, { parse: parseWorkflow, empty: {} })
    app.addHook("onRoute", (route) => {
      route.schema = { ...route.schema, hide: true }
    })

    app.get("/prompt", () => ({ exec_info: { queue_remaining: queue.waiting.length + queue.running.length } }))
    app.post("/prompt", async ({ body, log }, reply) => {
      try {
        const { id, sequence } = await acceptPrompt(service, body)
        return { prompt_id: id, number: sequence, node_errors: {} }
      } catch (error) {
        const { code, message } = errorText(error, { root: service.root })
        if (code === "unexpected") log.error({ err: error }, "the prompt failed")
        const status = error instanceof ServeError ? error.status : code === "unexpected" ? 500 : 400
        const text = { type: code, message, details: message, extra_info: {} }
        return reply.status(status).send({ error: text, node_errors: {} })
      }
    })
    app.get("/queue", () => ({ queue_running: listed(queue.running), queue_pending: listed(queue.waiting) }))
    app.post("/queue", async ({ body }) => {
      const isAll = fieldsOf(body).clear === true
      const chosen = isAll ? queue.waiting.filter((job) => noteOf(job) !== null) : named(body)
      for (const { id, state } of chosen) if (state === "queued") await queue.cancel(id)
      return {}
    })
    app.post("/interrupt", async ({ body }) => {
      const id = fieldsOf(body).prompt_id
      for (const job of queue.running) {
        if (noteOf(job) !== null && (id === undefined || id === job.id)) await queue.cancel(job.id)
      }
      return {}
    })
    app.get("/history", (request) => {
      const most = query(request, "max_items")
      return historyOf(queue, /^\d{1,6}$/.test(most) ? Number(most) : undefined)
    })
    app.get<{ Params: { readonly id: string } }>("/history/:id", ({ params }) => {
      const job = queue.jobs.find(({ id }) => id === params.id)
      return job === undefined ? {} : historyEntry(job)
    })
    app.post("/history", async ({ body }) => {
      const isAll = fieldsOf(body).clear === true
      const chosen = isAll ? queue.jobs.filter((job) => noteOf(job) !== null) : named(body)
      for (const { id, finished } of chosen) if (finished !== null) await queue.remove(id)
      return {}
    })

    app.get("/view", async (request, reply) => {
      const name = query(request, "filename").replace(/ \[(input|output|temp)\]$/, "")
      const sha256 = query(request, "type") === "input" ? (inputs.names.get(name) ?? null) : hashOfName(name)
      const path = sha256 === null ? null : await contents.find(sha256)
      if (sha256 === null || path === null) throw new ServeError("route-unknown", "there is no such picture.")
      return sendFile(reply, path, sha256, name)
    })
    uploadRoutes(app, service)

    app.get("/object_info", () => objectInfo(library, inputs))
    app.get<{ Params: { readonly node: string } }>("/object_info/:node", async ({ params }) => {
      const all = await objectInfo(library, inputs)
      return Object.hasOwn(all, params.node) ? { [params.node]: all[params.node] } : {}
    })
    app.get("/models", () => Object.keys(FOLDERS))
    app.get<{ Params: { readonly folder: string } }>("/models/:folder", async ({ params }) => {
      return namesOf(library, kindOf(params.folder))
    })
    app.get("/embeddings", async () =>
      (await namesOf(library, "textual-inversion")).map((name) => name.replace(/\.\w+$/, "")),
    )
    app.get("/extensions", () => pageExtensions(page))
    for (const empty of ["workflow_templates", "global_subgraphs", "node_replacements", "i18n"]) {
      app.get(`/${empty}`, () => ({}))
    }
    app.get("/experiment/models", () => Object.keys(FOLDERS).map((name) => ({ name, folders: [] })))
    app.get<{ Params: { readonly folder: string } }>("/experiment/models/:folder", async ({ params }) => {
      const names = await namesOf(library, kindOf(params.folder))
      return names.map((name) => ({ name, pathIndex: 0 }))
    })
    // Models stay loaded, and the next one takes the place of the last.
    app.post("/free", () => ({}))
    userRoutes(app, service)
    jobRoutes(app, queue)
    app.get("/features", () => ({ supports_preview_metadata: false, max_upload_size: service.limits.bodyBytes }))
    app.get("/system_stats", () => ({
      system: {
        ...{ os: process.platform, ram_total: totalmem(), ram_free: freemem() },
        // Clients ask which features there are by this version: the API is that of ComfyUI 0.3.
        ...{ comfyui_version: "0.3.0", lllite_version: version, python_version: "", pytorch_version: "" },
        ...{ embedded_python: false, argv: [] },
      },
      devices: [
        {
          ...{ name: "lllite", type: "cpu", index: 0, vram_total: totalmem(), vram_free: freemem() },
          ...{ torch_vram_total: 0, torch_vram_free: 0 },
        },
      ],
    }))
    app.get("/ws", { websocket: true }, (socket, request) => {
      sockets.add(socket, query(request, "clientId") || randomUUID())
    })
  }
}
