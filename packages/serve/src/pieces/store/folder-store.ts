import { readFile, rm, stat } from "node:fs/promises"
import { join, resolve } from "node:path"
import { InputError, makeFolder, writeAtomically } from "@lllite/runtime-node/files"
import { ServeError } from "../../errors.ts"
import type { Store } from "./store.ts"

/** A store in a folder, which is made if it is missing. Other machines need to see the same folder. @throws ServeError `store` */
export async function openFolderStore(folder: string): Promise<Store> {
  const root = resolve(folder)
  const attempt = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (cause) {
      throw new ServeError("store", `the store "${root}" cannot be ${what}: ${reasonOf(cause)}`, { cause })
    }
  }
  await attempt("used", () => makeFolder(root))
  return {
    shown: root,
    has: (name) =>
      stat(join(root, name)).then(
        (found) => found.isFile(),
        () => false,
      ),
    read: (name) =>
      attempt("read", () =>
        readFile(join(root, name)).catch((error: unknown) => {
          if (error instanceof Error && "code" in error && error.code === "ENOENT") return null
          throw error
        }),
      ),
    async write(name, bytes, existing = "replace") {
      const path = join(root, name)
      await attempt("written", async () => {
        if (existing === "replace") return writeAtomically(path, bytes)
        return writeAtomically(path, bytes, { existing: "refuse" }).catch((error: unknown) => {
          if (!(error instanceof InputError) || error.code !== "output-exists") throw error
        })
      })
    },
    remove: (name) => attempt("written", () => rm(join(root, name), { force: true })),
  }
}

function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause)
  return text.endsWith(".") ? text : `${text}.`
}
