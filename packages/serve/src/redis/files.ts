import { createHash, randomUUID } from "node:crypto"
import type { Redis } from "ioredis"
import { ServeError } from "../errors.ts"
import { KEPT_SECONDS } from "./keys.ts"

/** Bytes of a piece. A large answer would keep all others waiting. */
const PIECE = 2 ** 20

/** Seconds until Redis forgets a file that was not finished. */
const UNFINISHED_SECONDS = 3600

/**
 * Puts a file into Redis, in pieces. It is there whole or not at all.
 *
 * @throws ServeError `storage` when Redis has no room; the errors of `bytes`
 */
export async function putFile(client: Redis, key: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const unfinished = `${key}:${randomUUID()}`
  try {
    // An empty file has a piece, too.
    let count = 0
    for await (const piece of piecesOf(bytes)) {
      await client.rpush(unfinished, piece)
      if (count++ === 0) await client.expire(unfinished, UNFINISHED_SECONDS)
    }
    await client.rename(unfinished, key)
    await client.expire(key, KEPT_SECONDS)
  } catch (error) {
    // A lost connection would keep the removal waiting, and the pieces are forgotten in any case.
    if (client.status === "ready") await client.del(unfinished).catch(() => 0)
    if (error instanceof Error && error.message.startsWith("OOM")) {
      throw new ServeError("storage", "Redis has no room for the files of the job. Raise its maxmemory.", {
        cause: error,
      })
    }
    throw error
  }
}

/** The bytes of a file in Redis. @throws MissingFileError when it is not there, or has other bytes than its hash says */
export async function* readFile(client: Redis, key: string, sha256: string): AsyncGenerator<Uint8Array, void, void> {
  const hash = createHash("sha256")
  const count = await client.llen(key)
  for (let i = 0; i < count; i++) {
    const [piece] = await client.lrangeBuffer(key, i, i)
    if (piece === undefined) break
    hash.update(piece)
    yield piece
  }
  if (count === 0 || hash.digest("hex") !== sha256) throw new MissingFileError(sha256)
}

/** A file is not in Redis, such as after Redis has lost its memory. */
export class MissingFileError extends Error {
  override readonly name = "MissingFileError"

  constructor(sha256: string) {
    super(`the file ${sha256} is not in Redis.`)
  }
}

/** Bytes in pieces of one size, with a shorter one at the end. */
async function* piecesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, void> {
  let waiting: Uint8Array[] = []
  let length = 0
  let hasPiece = false
  for await (const some of bytes) {
    waiting.push(some)
    length += some.byteLength
    while (length >= PIECE) {
      const all = Buffer.concat(waiting)
      yield all.subarray(0, PIECE)
      hasPiece = true
      waiting = [all.subarray(PIECE)]
      length -= PIECE
    }
  }
  if (length > 0 || !hasPiece) yield Buffer.concat(waiting)
}
