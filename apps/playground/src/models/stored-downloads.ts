import { canStore, listStored, removeStored, type StoredFile } from "@lllite/runtime-web"
import { signal } from "@preact/signals"
import { changeKept, readKept } from "../kept/database.ts"
import { problemOf, sentence } from "../language/sentence.ts"
import { say, UNDO_STAYS, withdraw } from "../page/status-line.tsx"

/*
 * A checkpoint is too large for a copy, so a removed download is only hidden while *Undo* is offered. Its file goes
 * after that, before another download begins, or when the page is opened later.
 */

/** What hides a download. */
interface Removal {
  readonly id: "removals"
  /** The names of files, each with the time at which it goes, in milliseconds since 1970. */
  readonly until: Readonly<Record<string, number>>
}

/** Downloads that the browser keeps, without the removed ones. */
export const stored = signal<readonly StoredFile[]>([])

/** Milliseconds after which a removed file goes. Then *Undo* is not offered any more. */
const GOES_AFTER = UNDO_STAYS + 5000

/** Lists the downloads anew. A browser that keeps nothing has none. */
export async function refreshStored(): Promise<void> {
  const files = canStore() ? await listStored().catch(() => []) : []
  const removed = await removals()
  stored.value = files.filter(({ name }) => removed[name] === undefined)
}

/** Removes a download. It can be taken back while its file is there. */
export async function removeDownload({ name }: StoredFile, shownName: string): Promise<void> {
  const undo = (): void => {
    offered.delete(undo)
    void takeBack(name)
  }
  try {
    await changeRemovals({ ...(await removals()), [name]: Date.now() + GOES_AFTER })
    removeLater(GOES_AFTER)
    offered.add(undo)
    say(sentence("page", "removed", shownName), undo)
  } catch {
    // A browser that keeps no list of them removes the file at once.
    await removeStored(name).then(
      () => say(sentence("page", "removed", shownName)),
      (error: unknown) => say(problemOf(error)),
    )
  }
  await refreshStored()
}

/** The offers whose files are there. */
const offered = new Set<() => void>()

/** Removes the files of all removed downloads, so that another one finds room. Their removal cannot be taken back. */
export async function removeHidden(): Promise<void> {
  for (const undo of offered) withdraw(undo)
  offered.clear()
  await removeDue(Number.POSITIVE_INFINITY)
}

/** Removes the files that had to go before the page was opened, and later those that another tab has removed. */
export async function openDownloads(): Promise<void> {
  await removeDue(Date.now())
  for (const until of Object.values(await removals())) removeLater(until - Date.now())
}

function removeLater(milliseconds: number): void {
  setTimeout(() => void removeDue(Date.now()), Math.max(0, milliseconds) + 1000)
}

async function takeBack(name: string): Promise<void> {
  try {
    const { [name]: _, ...others } = await removals()
    await changeRemovals(others)
  } catch (error) {
    say(problemOf(error))
  }
  await refreshStored()
}

/** Removes the files whose time is over. One that a model reads stays hidden, and goes when the page is opened later. */
async function removeDue(now: number): Promise<void> {
  for (const [name, until] of Object.entries(await removals())) {
    if (until > now) continue
    try {
      await removeStored(name)
      const { [name]: _, ...others } = await removals()
      await changeRemovals(others)
    } catch {
      // It is tried again.
    }
  }
}

async function removals(): Promise<Removal["until"]> {
  const kept = await readKept<Removal | undefined>("drafts", (store) => store.get("removals")).catch(() => undefined)
  return kept?.until ?? {}
}

async function changeRemovals(until: Removal["until"]): Promise<void> {
  const kept: Removal = { id: "removals", until }
  await changeKept(["drafts"], (storeOf) => storeOf("drafts").put(kept))
}
