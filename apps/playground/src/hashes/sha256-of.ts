/** Each file is hashed once. */
const hashes = new WeakMap<Blob, Promise<string | null>>()

/** A larger file is not held in memory as a whole, as the browser's own hash needs it. */
const MOST_AT_ONCE = 16 * 2 ** 20

/** The SHA-256 of a file of any size, 64 hexadecimal digits. Null: it cannot be read, which its use says. */
export function sha256Of(file: Blob): Promise<string | null> {
  const hash = hashes.get(file) ?? (canHash(file) ? hashAtOnce(file) : hashInWorker(file)).catch(() => null)
  hashes.set(file, hash)
  return hash
}

/** Browsers hash for `https:` and this machine alone. */
function canHash({ size }: Blob): boolean {
  return globalThis.crypto?.subtle !== undefined && size <= MOST_AT_ONCE
}

async function hashAtOnce(file: Blob): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()))
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("")
}

function hashInWorker(file: Blob): Promise<string | null> {
  const worker = new Worker(new URL("./hash-worker.ts", import.meta.url), { type: "module" })
  return new Promise<string | null>((resolve) => {
    worker.addEventListener("message", ({ data }: MessageEvent<string | null>) => resolve(data))
    worker.addEventListener("error", () => resolve(null))
    worker.postMessage(file)
  }).finally(() => worker.terminate())
}
