import { PageError, sentence } from "../language/sentence.ts"

/*
 * What the browser keeps for the page. A database of the browser writes a value whole or not at all.
 */

const DATABASE = "lllite-playground"
const VERSION = 4

/**
 * Runs of trainings in short, what they follow from, and their states; pictures; what the form and the sheet held last;
 * and files of networks and VAEs.
 */
const STORES = ["runs", "plans", "states", "pictures", "drafts", "networks", "vaes"] as const
export type Store = (typeof STORES)[number]

/** Milliseconds after which a database that says nothing counts as closed. */
const LONGEST_OPENING = 30_000

let opening: Promise<IDBDatabase> | null = null

/** The database. @throws Error when the browser keeps nothing for the page */
function database(): Promise<IDBDatabase> {
  opening ??= new Promise<IDBDatabase>((resolve, reject) => {
    if (globalThis.indexedDB === undefined) {
      reject(new PageError(sentence("models", "keepsNothing")))
      return
    }
    const request = indexedDB.open(DATABASE, VERSION)
    // Without an answer, what is read and kept would wait for ever. After this, an answer changes nothing.
    setTimeout(() => reject(new PageError(sentence("models", "databaseClosed"))), LONGEST_OPENING)
    request.onupgradeneeded = () => {
      for (const store of STORES) {
        if (!request.result.objectStoreNames.contains(store)) request.result.createObjectStore(store, { keyPath: "id" })
      }
    }
    request.onblocked = () => reject(new PageError(sentence("models", "olderTab")))
    request.onsuccess = () => {
      // Another tab may have a newer version of the page.
      request.result.onversionchange = () => {
        request.result.close()
        opening = null
      }
      resolve(request.result)
    }
    request.onerror = () => reject(request.error ?? new PageError(sentence("models", "databaseClosed")))
  }).catch((error: unknown) => {
    opening = null
    throw error
  })
  return opening
}

/** Reads from a store. @throws Error when the browser keeps nothing */
export async function readKept<Value>(store: Store, ask: (store: IDBObjectStore) => IDBRequest): Promise<Value> {
  const transaction = (await database()).transaction(store)
  const request = ask(transaction.objectStore(store))
  await settled(transaction)
  return request.result as Value
}

/** Changes stores, all or none. @throws Error when the browser keeps nothing, or has no room */
export async function changeKept(
  stores: readonly Store[],
  change: (storeOf: (store: Store) => IDBObjectStore) => void,
): Promise<void> {
  const transaction = (await database()).transaction(stores, "readwrite")
  change((store) => transaction.objectStore(store))
  await settled(transaction)
}

function settled(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onerror = () => reject(transaction.error ?? new PageError(sentence("models", "notWritten")))
    transaction.onabort = () => reject(transaction.error ?? new PageError(sentence("models", "noRoom")))
  })
}
