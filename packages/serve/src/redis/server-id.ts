import { randomBytes } from "node:crypto"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { writeAtomically } from "@lllite/runtime-node/files"

/** The name of a server in Redis, which several may use. It is drawn once, and kept in the server's folder. */
export async function serverId(root: string): Promise<string> {
  const path = join(root, "server-id")
  const kept = (await readFile(path, "utf8").catch(() => "")).trim()
  if (/^[0-9a-f]{12}$/.test(kept)) return kept
  const id = randomBytes(6).toString("hex")
  await writeAtomically(path, `${id}\n`)
  return id
}
