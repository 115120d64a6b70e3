/** The key under which a tab remembers its name. */
const KEY = "lllite-tab"

/** A name for what a tab keeps for itself. */
export interface TabName {
  /** No other open tab has it. */
  readonly own: string
  /** The name that the tab has had so far. That of a copied tab is the name of the tab that was copied. Null: it is new. */
  readonly before: string | null
}

/**
 * Names this tab, so that what it keeps stays apart from what other tabs keep. A reload keeps the name. A copy of a tab
 * gets another one.
 */
export async function nameTab(): Promise<TabName> {
  const before = remembered()
  if (before !== null && (await hold(before))) return { own: before, before }
  const own = `tab ${Date.now()} ${Math.random()}`
  await hold(own)
  try {
    sessionStorage.setItem(KEY, own)
  } catch {
    // A browser that keeps nothing gives the tab another name after a reload.
  }
  return { own, before }
}

/** Of some names, those that open tabs have. Browsers tell only pages of safe addresses. */
export async function openTabs(): Promise<ReadonlySet<string>> {
  const { held = [] } = (await navigator.locks?.query().catch(() => undefined)) ?? {}
  return new Set(held.flatMap(({ name = "" }) => (name.startsWith(LOCK) ? [name.slice(LOCK.length)] : [])))
}

const LOCK = "lllite tab "

/** Holds a name as long as the tab is open. Returns false if another tab holds it. */
function hold(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const { locks } = navigator
    if (locks === undefined) resolve(true)
    locks
      ?.request(LOCK + name, { ifAvailable: true }, (lock) => {
        resolve(lock !== null)
        return lock === null ? undefined : new Promise<never>(() => {})
      })
      // Where storage is denied, locks are, too. Then tabs share nothing.
      .catch(() => resolve(true))
  })
}

function remembered(): string | null {
  try {
    return sessionStorage.getItem(KEY)
  } catch {
    return null
  }
}
