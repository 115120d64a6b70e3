/** Milliseconds that the page waits for the service worker. Later it works without it. */
const LONGEST = 3000

/**
 * Starts the service worker that keeps the files of the page, and waits until it sees the page's requests. Then the
 * model that the page loads is kept, too, and is not loaded twice. A browser without one opens the page from the network.
 * So does one that allows none, as in a frame that is shut off from its host.
 */
export async function keepOffline(): Promise<void> {
  const serviceWorker = serviceWorkers()
  if (!import.meta.env.PROD || serviceWorker === undefined) return
  const isSeen = new Promise<void>((resolve) => {
    if (serviceWorker.controller !== null) resolve()
    serviceWorker.addEventListener("controllerchange", () => resolve(), { once: true })
    setTimeout(resolve, LONGEST)
  })
  const registered = await serviceWorker.register("./service-worker.js").catch(() => null)
  if (registered !== null) await isSeen
}

function serviceWorkers(): ServiceWorkerContainer | undefined {
  try {
    return navigator.serviceWorker
  } catch {
    // Where storage is denied, its name alone throws.
    return undefined
  }
}
