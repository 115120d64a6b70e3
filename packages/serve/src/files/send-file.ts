import { createReadStream } from "node:fs"
import { stat } from "node:fs/promises"
import type { FastifyReply } from "fastify"
import { mediaType } from "./media-type.ts"

/** Answers with a file that is named by its hash, so that it never changes. */
export async function sendFile(
  reply: FastifyReply,
  path: string,
  sha256: string,
  name = sha256,
): Promise<FastifyReply> {
  const [{ size }, type] = [await stat(path), await mediaType(path)]
  const isShown = type.startsWith("image/")
  return reply
    .headers({
      "content-type": type,
      "content-length": size,
      etag: `"${sha256}"`,
      "cache-control": "private, max-age=31536000, immutable",
      "content-disposition": `${isShown ? "inline" : "attachment"}; filename*=UTF-8''${encodeURIComponent(name)}`,
      // An upload may be a page with a script.
      "content-security-policy": "sandbox; default-src 'none'",
      "x-content-type-options": "nosniff",
    })
    .send(createReadStream(path))
}
