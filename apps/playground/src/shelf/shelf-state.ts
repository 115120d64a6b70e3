import { signal } from "@preact/signals"
import { type Result, result } from "../draw/result.ts"
import { changeKept, readKept } from "../kept/database.ts"
import { problemOf, sentence } from "../language/sentence.ts"
import { say } from "../page/status-line.tsx"

/** A picture that the browser keeps. */
export interface KeptPicture extends Result {
  /** Begins with the milliseconds since 1970 at which it was made, so that ids sort by time. */
  readonly id: string
}

/** Pictures that are read and shown. Older ones stay in the browser. */
export const MOST_SHOWN = 60

/** The kept pictures, the newest first. */
export const shelf = signal<readonly KeptPicture[]>([])
/** How many older pictures are kept. */
export const olderCount = signal(0)

let order = 0

/** Reads the kept pictures. Without a store there are none. */
export async function openShelf(): Promise<void> {
  const keys = await readKept<readonly string[]>("pictures", (store) => store.getAllKeys()).catch(() => [])
  const [oldest] = keys.slice(-MOST_SHOWN)
  if (oldest === undefined) return
  const range = IDBKeyRange.lowerBound(oldest)
  const kept = await readKept<readonly KeptPicture[]>("pictures", (store) => store.getAll(range)).catch(() => [])
  const known = new Set(shelf.value.map(({ id }) => id))
  shelf.value = [...shelf.value, ...kept.filter(({ id }) => !known.has(id)).reverse()]
  olderCount.value = Math.max(0, keys.length - MOST_SHOWN)
}

/** Keeps a picture, or what has changed of a kept one, and shows it on the shelf. */
export async function keepPicture(made: Result): Promise<void> {
  const id = made.id ?? `${String(Date.now()).padStart(15, "0")}-${String(order++).padStart(4, "0")}`
  const kept: KeptPicture = { ...made, id }
  if (result.value === made) result.value = kept
  shelf.value = [kept, ...shelf.value.filter((one) => one.id !== id)]
  await put(kept)
}

/** Takes a picture off the shelf. This can be undone. */
export async function removePicture(picture: KeptPicture): Promise<void> {
  shelf.value = shelf.value.filter(({ id }) => id !== picture.id)
  // At once, since the picture without controls may come meanwhile.
  if (result.value?.id === picture.id) result.value = { ...result.value, id: null }
  await changeKept(["pictures"], (storeOf) => storeOf("pictures").delete(picture.id)).catch(() => {})
  say(sentence("draw", "pictureRemoved"), () => {
    const { value: seen } = result
    const isShown = seen?.image === picture.image
    const back = isShown ? { ...seen, id: picture.id } : picture
    if (isShown) result.value = back
    shelf.value = [...shelf.value, back].sort((a, b) => (a.id < b.id ? 1 : -1))
    void put(back)
  })
}

async function put(picture: KeptPicture): Promise<void> {
  try {
    await changeKept(["pictures"], (storeOf) => storeOf("pictures").put(picture))
  } catch (error) {
    say(sentence("draw", "lostOnReload", problemOf(error)))
  }
}
