import { readdir } from "node:fs/promises"
import { join } from "node:path"
import fastifyStatic from "@fastify/static"
import type { FastifyInstance } from "fastify"
import { ServeError } from "../errors.ts"

/**
 * What the page may load: what this server has, and nothing of others. ComfyUI's page compiles shaders and templates,
 * and its own scripts stand inside of it.
 */
const POLICY = [
  "default-src 'self' data: blob:",
  "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
  "style-src 'self' 'unsafe-inline'",
  "frame-ancestors 'self'",
].join("; ")

/**
 * Serves ComfyUI's page: the folder `static` of the Python package comfyui-frontend-package.
 *
 * @param folder Null: the address of the page says how to get one
 */
export async function pageRoutes(app: FastifyInstance, folder: string | null): Promise<void> {
  if (folder === null) {
    app.get("/", { schema: { hide: true } }, () => {
      throw new ServeError(
        "route-unknown",
        "this server has no page. For ComfyUI's, type pip install comfyui-frontend-package, and start the server again.",
      )
    })
    return
  }
  await app.register(fastifyStatic, {
    root: folder,
    // Files that are there answer. Nothing else of the disk can be reached.
    dotfiles: "ignore",
    schemaHide: true,
    setHeaders: (reply) => {
      void reply.header("content-security-policy", POLICY)
      void reply.header("x-content-type-options", "nosniff")
    },
  })
  // The page asks for the templates of another package, and for the style of its user.
  app.get("/templates/index.json", { schema: { hide: true } }, () => [])
  app.get("/internal/folder_paths", { schema: { hide: true } }, () => ({}))
  app.get("/templates/index_logo.json", { schema: { hide: true } }, () => ({}))
  app.get("/user.css", { schema: { hide: true } }, (_, reply) => reply.type("text/css").send(""))
}

/** The addresses of the page's own extensions. */
export async function pageExtensions(folder: string | null): Promise<readonly string[]> {
  if (folder === null) return []
  const names = await readdir(join(folder, "extensions"), { recursive: true }).catch(() => [])
  return names.filter((name) => name.endsWith(".js")).map((name) => `/extensions/${name.replaceAll("\\", "/")}`)
}
