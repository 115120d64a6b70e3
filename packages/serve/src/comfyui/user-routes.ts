import type { FastifyInstance } from "fastify"
import { ServeError } from "../errors.ts"
import { checkDepth } from "../json-body.ts"
import type { Service } from "../service.ts"
import { fieldsOf } from "./prompt.ts"
import { openUserFiles, type UserFile } from "./user-files.ts"

/** The name of the file with the settings of the page. */
const SETTINGS = "comfy.settings.json"

/** Bytes of a file of the page at most. */
const MOST_BYTES = 2 ** 24

/**
 * What ComfyUI's page keeps on its server: settings and workflows. There is one user. Source: ComfyUI 005f3ba,
 * `app/user_manager.py`, `app/app_settings.py`.
 */
export function userRoutes(app: FastifyInstance, service: Pick<Service, "root">): void {
  const files = openUserFiles(service.root)
  const settings = async (): Promise<Readonly<Record<string, unknown>>> => {
    const text = (await files.read(SETTINGS))?.toString("utf8") ?? "{}"
    try {
      return fieldsOf(JSON.parse(text))
    } catch {
      return {}
    }
  }
  const store = async (values: Readonly<Record<string, unknown>>): Promise<void> => {
    await files.write(SETTINGS, Buffer.from(JSON.stringify({ ...(await settings()), ...values })))
  }

  app.get("/users", () => ({ storage: "server", migrated: true }))
  app.get("/settings", settings)
  app.get<{ Params: { readonly id: string } }>("/settings/:id", async ({ params }, reply) => {
    const all = await settings()
    // A value that is not an object is not JSON by itself in the framework.
    return reply.type("application/json").send(JSON.stringify(Object.hasOwn(all, params.id) ? all[params.id] : null))
  })

  app.register(async (kept) => {
    // The page sends JSON without its type, and files of any type. Whether it is our page is checked before.
    kept.removeAllContentTypeParsers()
    kept.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: MOST_BYTES }, (_, bytes, done) => done(null, bytes))
    kept.post<{ Body: Buffer | undefined }>("/settings", async ({ body }) => {
      await store(fieldsOf(jsonOf(body)))
      return {}
    })
    kept.post<{ Params: { readonly id: string }; Body: Buffer | undefined }>("/settings/:id", async (request) => {
      await store({ [request.params.id]: jsonOf(request.body) })
      return {}
    })
    kept.post<{ Params: NamedFile; Body: Buffer | undefined; Querystring: StoreQuery }>(
      "/userdata/:file",
      async ({ params, body, query }, reply) => {
        if (query.overwrite === "false" && (await files.read(params.file)) !== null) {
          return reply.status(409).send("File already exists")
        }
        const file = await files.write(params.file, body ?? Buffer.alloc(0))
        return reply.type("application/json").send(JSON.stringify(query.full_info === "true" ? shown(file) : file.path))
      },
    )
    kept.post<{ Params: NamedFile & { readonly to: string }; Querystring: StoreQuery }>(
      "/userdata/:file/move/:to",
      async ({ params, query }, reply) => {
        const bytes = await files.read(params.file)
        if (bytes === null) throw unknownFile(params.file)
        if (query.overwrite !== "true" && (await files.read(params.to)) !== null) {
          return reply.status(409).send("File already exists")
        }
        const file = await files.write(params.to, bytes)
        if (params.to !== params.file) await files.remove(params.file)
        return reply.type("application/json").send(JSON.stringify(query.full_info === "true" ? shown(file) : file.path))
      },
    )
  })
  app.get("/userdata", async ({ query }) => {
    const { dir, recurse, full_info: isFull, split } = fieldsOf(query)
    if (typeof dir !== "string") throw new ServeError("body", 'the address has no "dir".')
    const prefix = dir.replace(/^\/+|\/+$/g, "")
    const found = await files.list(prefix)
    const below = found.map((file) => ({
      ...file,
      path: prefix === "" ? file.path : file.path.slice(prefix.length + 1),
    }))
    const listed = recurse === "true" ? below : below.filter(({ path }) => !path.includes("/"))
    if (isFull === "true") return listed.map(shown)
    return listed.map(({ path }) => (split === "true" ? [path, ...path.split("/")] : path))
  })
  app.get<{ Params: NamedFile }>("/userdata/:file", async ({ params }, reply) => {
    const bytes = await files.read(params.file)
    if (bytes === null) throw unknownFile(params.file)
    // A browser shows nothing of it.
    return reply
      .headers({ "content-security-policy": "sandbox; default-src 'none'", "x-content-type-options": "nosniff" })
      .type("application/octet-stream")
      .send(bytes)
  })
  app.delete<{ Params: NamedFile }>("/userdata/:file", async ({ params }, reply) => {
    if (!(await files.remove(params.file))) throw unknownFile(params.file)
    return reply.status(204).send()
  })
}

interface NamedFile {
  readonly file: string
}

interface StoreQuery {
  readonly overwrite?: string
  readonly full_info?: string
}

function shown({ path, size, modified }: UserFile): object {
  return { path, size, modified, created: modified }
}

function unknownFile(path: string): ServeError {
  return new ServeError("route-unknown", `the page has no file ${JSON.stringify(path.slice(0, 200))}.`)
}

function jsonOf(body: Buffer | undefined): unknown {
  const text = body?.toString("utf8") ?? ""
  checkDepth(text)
  try {
    return JSON.parse(text)
  } catch {
    throw new ServeError("body", "the body is not JSON.")
  }
}
