import type { MultipartFile } from "@fastify/multipart"
import type { FastifyInstance, FastifyRequest } from "fastify"
import { ServeError } from "../errors.ts"
import { mediaType } from "../files/media-type.ts"
import type { Service } from "../service.ts"
import { fieldsOf } from "./prompt.ts"

/** A received picture. */
interface Upload {
  readonly part: MultipartFile
  readonly sha256: string
  readonly path: string
}

/** Uploads of pictures and masks. Source: ComfyUI 005f3ba, `server.py`. */
export function uploadRoutes(app: FastifyInstance, service: Service): void {
  const { contents, inputs } = service
  const received = async (request: FastifyRequest): Promise<Upload> => {
    const part = await request.file()
    if (part === undefined) throw new ServeError("body", 'the body has no file "image".')
    const { sha256 } = await contents.add(part.file)
    if (part.file.truncated) throw new ServeError("body-size", "the picture is larger than --max_body_mb.")
    const path = await contents.find(sha256)
    if (path === null || !(await mediaType(path)).startsWith("image/")) {
      throw new ServeError(
        "body",
        `${JSON.stringify(part.filename)} is not a picture. Expected a PNG, JPEG, WebP or GIF.`,
      )
    }
    return { part, sha256, path }
  }
  const named = async ({ part, sha256 }: Upload): Promise<object> => {
    const overwrite = fieldOf(part, "overwrite")
    const name = await inputs.name(part.filename, sha256, overwrite === "true" || overwrite === "1")
    return { name, subfolder: "", type: "input" }
  }
  app.post("/upload/image", async (request) => named(await received(request)))
  app.post("/upload/mask", async (request) => {
    const upload = await received(request)
    const original = await originalOf(service, fieldOf(upload.part, "original_ref"))
    const masked = await withAlphaOf(original, upload.path)
    const { sha256 } = await contents.add(one(masked))
    return named({ ...upload, sha256 })
  })
}

function fieldOf({ fields }: MultipartFile, name: string): string {
  const field = fields[name]
  return field !== undefined && "value" in field ? String(field.value) : ""
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** The path of the picture to which a mask belongs. @throws ServeError `body`, `file-unknown` */
async function originalOf({ contents, inputs }: Service, text: string): Promise<string> {
  let name: unknown
  try {
    name = fieldsOf(JSON.parse(text)).filename
  } catch {
    throw new ServeError("body", 'the body has no "original_ref", expected JSON with the "filename" of a picture.')
  }
  const path = await contents.find(inputs.names.get(String(name)) ?? "")
  if (path !== null) return path
  throw new ServeError(
    "file-unknown",
    `the picture ${JSON.stringify(String(name).slice(0, 200))} is not on the server.`,
  )
}

/** A PNG of one picture with the alpha of another. @throws ServeError `body` when their sizes differ */
async function withAlphaOf(original: string, mask: string): Promise<Uint8Array> {
  const { encodePngWithAlpha, examineImage } = await import("@lllite/runtime-node")
  const [{ image }, { alpha, image: size }] = [await examineImage(original), await examineImage(mask)]
  const { width, height, data } = image
  if (width !== size.width || height !== size.height) {
    throw new ServeError(
      "body",
      `the mask has ${size.width} × ${size.height} pixels and its picture ${width} × ${height}. Send one of the same size.`,
    )
  }
  const pixels = new Uint8Array(4 * width * height)
  for (let i = 0; i < width * height; i++) {
    pixels.set(data.subarray(3 * i, 3 * i + 3), 4 * i)
    pixels[4 * i + 3] = alpha?.data[i] ?? 255
  }
  return encodePngWithAlpha({ width, height, data: pixels })
}
