import { freemem, totalmem } from "node:os"
import type { FastifyPluginAsync, FastifyReply } from "fastify"
import { ServeError } from "../errors.ts"
import { checkMadeRecipes } from "../jobs/check-recipes.ts"
import type { Job } from "../jobs/job.ts"
import { readJsonBodies } from "../json-body.ts"
import type { Service } from "../service.ts"
import { answerOf, type PicturesAnswer } from "./answer.ts"
import { createDetector } from "./controlnet/detect.ts"
import { controlNetRoutes } from "./controlnet/routes.ts"
import { FieldsError, IMG2IMG_FIELDS, readFields, TXT2IMG_FIELDS } from "./fields.ts"
import { createHeaders } from "./headers.ts"
import {
  checkpointList,
  embeddingList,
  LATENT_UPSCALERS,
  loraList,
  samplerList,
  schedulerList,
  upscalerList,
  vaeList,
} from "./lists.ts"
import { openOptions, withSettings } from "./options.ts"
import { pictureBytes } from "./pictures.ts"
import { type Asked, checkpointName, planRequest } from "./plan.ts"
import { pngInfo } from "./png-info.ts"
import { isOfA1111, watchProgress } from "./progress.ts"
import { A1111Error, jobFailure, refuse } from "./refusal.ts"

/**
 * The API of stable-diffusion-webui, with that of sd-webui-controlnet. Source: stable-diffusion-webui 1.10,
 * `modules/api/api.py`.
 *
 * @param version of this server
 */
export function a1111Routes(service: Service, version: string): FastifyPluginAsync {
  const { queue, library } = service
  return async (app) => {
    const options = await openOptions(service.root)
    const detector = createDetector()
    const headers = createHeaders()
    const progress = watchProgress(queue)
    app.addHook("onClose", async () => {
      progress.close()
      await detector.close()
    })
    app.addHook("onRoute", (route) => {
      route.schema = { ...route.schema, hide: true }
    })
    app.setErrorHandler((error, request, reply) => refuse(service, error, request, reply))
    // A POST without a body may have a type, as clients send it.
    readJsonBodies(app, { empty: null })

    const draw = async (asked: Asked, unknown: readonly string[], reply: FastifyReply): Promise<PicturesAnswer> => {
      const { override_settings: over, override_settings_restore_afterwards: isRestored } = asked.fields
      const settings = withSettings(options.values, over ?? {})
      const plan = await planRequest(service, asked, settings.values)
      if (!isRestored && over !== null) await options.set(over)
      const ignored = [...unknown, ...settings.unknown.map((name) => `override_settings.${name}`)]
      const own = ignored.length === 0 ? plan.notices : [...plan.notices, `This is not known: ${ignored.join(", ")}.`]
      const recipes = checkMadeRecipes(plan.recipes, service.limits)
      const accepted = await service.generate({ recipes, previews: service.previews }, { api: "a1111" })
      if (own.length > 0) reply.log.info({ job: accepted.id, notices: own }, "not followed")
      const job = await endedJob(accepted, reply)
      if (job.state === "failed") throw jobFailure(job.error ?? { code: "unexpected", message: "" })
      const made = job.events.flatMap((event) => (event.type === "notice" ? [event.text] : []))
      const interrupted = job.state === "cancelled" ? ["The pictures were interrupted."] : []
      const notices = [...own, ...made, ...interrupted]
      return answerOf(service, { plan, asked, job, notices, preview: progress.preview(job.id), version })
    }
    /** The job when it has ended. A client that leaves does not end it. */
    const endedJob = async ({ id }: Job, reply: FastifyReply): Promise<Job> => {
      const left = new AbortController()
      reply.raw.once("close", () => left.abort(new ServeError("stopping", "the client has left.")))
      const job = await queue.ended(id, left.signal)
      if (job.finished !== null) return job
      throw new ServeError("stopping", `the server stops. The job ${id} runs when it starts again.`)
    }

    app.post("/sdapi/v1/txt2img", ({ body }, reply) => {
      const { values, unknown } = readFields(TXT2IMG_FIELDS, body)
      return draw({ kind: "txt2img", fields: values }, unknown, reply)
    })
    app.post("/sdapi/v1/img2img", ({ body }, reply) => {
      const { values, unknown } = readFields(IMG2IMG_FIELDS, body)
      return draw({ kind: "img2img", fields: values }, unknown, reply)
    })
    app.get("/sdapi/v1/progress", ({ query }) => {
      const { skip_current_image: skip } = query as { readonly skip_current_image?: unknown }
      return progress.now(skip !== "true" && skip !== "True" && skip !== "1")
    })
    for (const route of ["interrupt", "skip"] as const) {
      app.post(`/sdapi/v1/${route}`, async () => {
        for (const job of queue.running) if (isOfA1111(job)) await queue.cancel(job.id)
        return route === "interrupt" ? {} : null
      })
    }

    app.get("/sdapi/v1/options", async () => ({
      ...options.values,
      sd_model_checkpoint:
        (await checkpointName(library, options.values.sd_model_checkpoint)) ?? options.values.sd_model_checkpoint,
    }))
    app.post("/sdapi/v1/options", async ({ body, log }) => {
      if (typeof body !== "object" || body === null || Array.isArray(body)) {
        throw new FieldsError([{ loc: ["body"], msg: "value is not a valid dict", type: "type_error.dict" }])
      }
      const { sd_model_checkpoint: wanted } = body as { readonly sd_model_checkpoint?: unknown }
      if (wanted != null && (await checkpointName(library, String(wanted))) === null) {
        throw new A1111Error(422, `model ${JSON.stringify(String(wanted).slice(0, 200))} not found`)
      }
      const unknown = await options.set(body as Readonly<Record<string, unknown>>)
      if (unknown.length > 0) log.info({ options: unknown }, "options that are not known")
      return null
    })
    app.post("/sdapi/v1/png-info", ({ body }) => {
      const { values } = readFields({ image: ["text", ""] }, body)
      return pngInfo(pictureBytes("image", values.image))
    })

    app.get("/sdapi/v1/samplers", () => samplerList())
    app.get("/sdapi/v1/schedulers", () => schedulerList())
    app.get("/sdapi/v1/upscalers", () => upscalerList())
    app.get("/sdapi/v1/latent-upscale-modes", () => LATENT_UPSCALERS.map((name) => ({ name })))
    app.get("/sdapi/v1/sd-models", () => checkpointList(library))
    app.get("/sdapi/v1/sd-vae", () => vaeList(library))
    app.get("/sdapi/v1/loras", () => loraList(library, headers))
    app.get("/sdapi/v1/embeddings", () => embeddingList(library, headers))
    // By the second name clients find the extension. webuiapi would else repeat the units of earlier requests.
    const scripts = ["controlnet", "controlnet m2m"]
    app.get("/sdapi/v1/scripts", () => ({ txt2img: scripts, img2img: scripts }))
    for (const empty of [
      "prompt-styles",
      "hypernetworks",
      "face-restorers",
      "realesrgan-models",
      "extensions",
    ] as const) {
      app.get(`/sdapi/v1/${empty}`, () => [])
    }
    // The lists are read anew with every request.
    for (const list of ["checkpoints", "vae", "loras"]) app.post(`/sdapi/v1/refresh-${list}`, () => null)
    app.get("/sdapi/v1/cmd-flags", () => ({
      ...{
        api: true,
        nowebui: true,
        api_log: true,
        ckpt: options.values.sd_model_checkpoint,
        no_half: false,
        listen: false,
      },
    }))
    app.get("/sdapi/v1/memory", () => {
      const { rss } = process.memoryUsage()
      return {
        ram: { free: freemem(), used: rss, total: totalmem() },
        cuda: { error: "unavailable" },
      }
    })
    controlNetRoutes(app, service, detector)
  }
}
