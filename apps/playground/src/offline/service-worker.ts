/*
 * Keeps the files of the page, so that it opens without a network. Files whose names hold a hash never change, and come
 * from the browser. The page itself comes from the network, and without one from the browser.
 */

/** What a service worker has beside a page's globals. TypeScript's library for workers clashes with that for pages. */
interface ServiceWorkerScope extends EventTarget {
  readonly clients: { claim(): Promise<void> }
  skipWaiting(): Promise<void>
}
interface WaitingEvent extends Event {
  waitUntil(work: Promise<unknown>): void
}
interface FetchEvent extends WaitingEvent {
  readonly request: Request
  respondWith(response: Promise<Response>): void
}

/** The build puts the names of all files here, relative to the page. */
declare const FILES: readonly string[]

const CACHE = "lllite-page"
const scope = globalThis as unknown as ServiceWorkerScope
const root = new URL("./", location.href).href
const files = new Set(FILES.map((name) => new URL(name, root).href))

/** Kept when the page loads them, so that they are loaded once. */
const LARGE = /\.safetensors$/

// The page waits for this, so that its requests are seen. Files are loaded afterwards.
scope.addEventListener("install", (event) => (event as WaitingEvent).waitUntil(scope.skipWaiting()))
scope.addEventListener("activate", (event) => {
  ;(event as WaitingEvent).waitUntil(scope.clients.claim())
  void fill()
})

/** Loads the files that are not kept yet, and removes those of earlier versions. Without room or network it ends. */
async function fill(): Promise<void> {
  try {
    const cache = await caches.open(CACHE)
    for (const { url } of await cache.keys()) if (url !== root && !files.has(url)) await cache.delete(url)
    for (const url of [root, ...files]) {
      if (!LARGE.test(url) && (await cache.match(url)) === undefined) await cache.add(url)
    }
  } catch {
    // It is tried again when the page is opened again.
  }
}

scope.addEventListener("fetch", (event) => {
  const { request } = event as FetchEvent
  const { origin, pathname } = new URL(request.url)
  const url = origin + pathname
  if (request.method !== "GET" || request.headers.has("range")) return
  if (url === root || url === `${root}index.html`) {
    ;(event as FetchEvent).respondWith(fresh(request))
    ;(event as FetchEvent).waitUntil(fill())
  }
  if (files.has(url)) (event as FetchEvent).respondWith(kept(request))
})

/** The page, from the network if there is one. */
async function fresh(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE)
  try {
    const response = await fetch(request)
    if (response.ok) void cache.put(root, response.clone()).catch(() => {})
    return response
  } catch (error) {
    const found = await cache.match(root)
    if (found === undefined) throw error
    return found
  }
}

/** A file, from the browser if it is kept. */
async function kept(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE)
  const found = await cache.match(request, { ignoreSearch: true })
  if (found !== undefined) return found
  const response = await fetch(request)
  // A browser without room keeps nothing, and the page works.
  if (response.ok) void cache.put(request, response.clone()).catch(() => {})
  return response
}
