import { effect } from "@preact/signals"
import { BUILT_IN, networks } from "../controls/networks.ts"
import { changeKept, readKept } from "../kept/database.ts"
import { openKeptNetworks } from "../kept/kept-networks.ts"
import { nameTab, openTabs, type TabName } from "../kept/tab-name.ts"
import { problemOf, sentence } from "../language/sentence.ts"
import { say } from "../page/status-line.tsx"
import { readLink } from "../recipes/copy-as.ts"
import { restore } from "../recipes/restore.ts"
import { followChange } from "./make-picture.ts"
import { type Origin, origin } from "./result.ts"
import { drawing } from "./sheet-state.ts"

/** Milliseconds without a change after which the form and the sheet are kept. */
const KEEP_AFTER = 400
/** Drafts that are kept beside those of open tabs. */
const MOST_DRAFTS = 4

/** What the form and the sheet of a tab hold. */
interface Draft extends Origin {
  /** The name of the tab. */
  readonly id: string
  /** Milliseconds since 1970 of its last change. A draft of an earlier edition of the page has none. */
  readonly keptAt?: number
}

/**
 * Sets what the address says, or what the form and the sheet held when the page was left. From then on every change is
 * kept, for each tab by itself. A new tab opens with what was kept last. A browser that keeps nothing opens with the heart.
 */
export async function openDraft(): Promise<void> {
  await openKeptNetworks()
  const tab = await nameTab()
  const kept = await readDraft(tab).catch(() => undefined)
  try {
    const linked = readLink(location.hash)
    const from = linked === null ? kept : { recipe: linked, drawing: kept?.drawing ?? null, pictures: [], start: null }
    // The built-in LLLite comes with the model, and others are kept.
    const builtIn = { name: BUILT_IN, sha256: null, kind: "lllite", types: [] } as const
    const known = [builtIn, ...networks.value]
    const { notices } = from === undefined ? { notices: [] } : restore({ ...from, drawing: null }, known)
    // Set in this way, it is not a change that can be undone.
    if (from !== undefined && from.drawing !== null) drawing.value = from.drawing
    if (notices.length > 0) say(notices)
    // From here on a reload shows what was changed, and not the link.
    if (linked !== null) history.replaceState(null, "", location.pathname + location.search)
  } catch (error) {
    say(problemOf(error))
  }
  // A link that is opened in the tab of this page changes its address alone.
  addEventListener("hashchange", openLink)
  let timer: ReturnType<typeof setTimeout> | undefined
  // What was not changed here is as old as it was.
  let keptAt = kept?.keptAt ?? 0
  let last = origin.value
  effect(() => {
    const now = origin.value
    if (isChange(last, now)) keptAt = Date.now()
    last = now
    clearTimeout(timer)
    timer = setTimeout(() => {
      const draft: Draft = { ...now, id: tab.own, keptAt }
      changeKept(["drafts"], (storeOf) => storeOf("drafts").put(draft)).catch(() => {})
    }, KEEP_AFTER)
  })
}

/** Sets what a link says that is opened while the page is shown. This can be undone. */
function openLink(): void {
  try {
    const recipe = readLink(location.hash)
    if (recipe === null) return
    const { notices, undo } = restore({ recipe, drawing: null, pictures: [], start: null })
    history.replaceState(null, "", location.pathname + location.search)
    followChange()
    say([sentence("pictures", "linkSet"), ...notices], undo)
  } catch (error) {
    say(problemOf(error))
  }
}

/** Whether a user has changed something. Hashes of files are found while the page starts. */
function isChange(a: Origin, b: Origin): boolean {
  const settingsOf = ({ recipe }: Origin): string =>
    JSON.stringify(recipe, (name, value) => (name === "sha256" ? undefined : value))
  return a.drawing !== b.drawing || settingsOf(a) !== settingsOf(b)
}

/** The draft of this tab, or else the last one. Of those that no tab has open, the oldest are removed. */
async function readDraft({ before }: TabName): Promise<Draft | undefined> {
  const own = await readKept<Draft | undefined>("drafts", (store) => store.get(before ?? ""))
  if (own !== undefined) return own
  const all = await readKept<readonly Draft[]>("drafts", (store) => store.getAll())
  const drafts = all.toSorted((a, b) => (b.keptAt ?? 0) - (a.keptAt ?? 0))
  const open = await openTabs()
  const old = drafts.filter(({ id }) => !open.has(id)).slice(MOST_DRAFTS)
  await changeKept(["drafts"], (storeOf) => {
    for (const { id } of old) storeOf("drafts").delete(id)
  }).catch(() => {})
  return drafts[0]
}
