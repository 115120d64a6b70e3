import { effect } from "@preact/signals"
import { BUILT_IN, networks } from "../controls/networks.ts"
import { changeKept, readKept } from "../kept/database.ts"
import { openKeptNetworks } from "../kept/kept-networks.ts"
import { problemOf } from "../language/sentence.ts"
import { say } from "../page/status-line.tsx"
import { readLink } from "../recipes/copy-as.ts"
import { restore } from "../recipes/restore.ts"
import { type Origin, origin } from "./result.ts"
import { drawing } from "./sheet-state.ts"

/** Milliseconds without a change after which the form and the sheet are kept. */
const KEEP_AFTER = 400
const ID = "draw"

/**
 * Sets what the address says, or what the form and the sheet held when the page was left. From then on every change is
 * kept. A browser that keeps nothing opens with the heart.
 */
export async function openDraft(): Promise<void> {
  await openKeptNetworks()
  const kept = await readKept<Origin | undefined>("drafts", (store) => store.get(ID)).catch(() => undefined)
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
  let timer: ReturnType<typeof setTimeout> | undefined
  effect(() => {
    const now = origin.value
    clearTimeout(timer)
    timer = setTimeout(() => {
      changeKept(["drafts"], (storeOf) => storeOf("drafts").put({ ...now, id: ID })).catch(() => {})
    }, KEEP_AFTER)
  })
}
