import { randomBytes } from "node:crypto"
import { ServeError } from "../../errors.ts"
import { openFolderStore } from "./folder-store.ts"
import { isS3 } from "./s3-place.ts"
import type { Store, StorePlace } from "./store.ts"

/** A store with its name, which all machines find in it. */
export interface NamedStore extends Store {
  /** 12 hexadecimal digits. */
  readonly id: string
}

/** The file with the name of a store. */
const NAME_FILE = "store.json"

/** @throws ServeError `store` */
export async function openStore(place: StorePlace): Promise<NamedStore> {
  const store = isS3(place.place)
    ? await (await import("./s3-store.ts")).openS3Store(place)
    : await openFolderStore(place.place)
  const known = await idIn(store)
  if (known !== null) return { ...store, id: known }
  const text = `${JSON.stringify({ store: randomBytes(6).toString("hex") })}\n`
  await store.write(NAME_FILE, new TextEncoder().encode(text), "keep")
  // Another machine may have been first.
  const id = await idIn(store)
  if (id === null) throw new ServeError("store", `the store ${store.shown} did not keep a file that was written.`)
  return { ...store, id }
}

/** Null: it has no name yet. @throws ServeError when the file is another one */
async function idIn(store: Store): Promise<string | null> {
  const bytes = await store.read(NAME_FILE)
  if (bytes === null) return null
  const [, id] = /^\{"store":"([0-9a-f]{12})"\}\n$/.exec(new TextDecoder().decode(bytes.subarray(0, 100))) ?? []
  if (id !== undefined) return id
  throw new ServeError(
    "store",
    `${NAME_FILE} in the store ${store.shown} was not written by lllite. Choose another folder or prefix.`,
  )
}
