import { createHash } from "node:crypto"
import { AwsClient } from "aws4fetch"
import { ServeError } from "../../errors.ts"
import { readS3Place } from "./s3-place.ts"
import type { Store, StorePlace } from "./store.ts"

/** Milliseconds that a request may take. A picture of 100 MB takes so long at 7 Mbit a second. */
const REQUEST_TIME = 120_000

/** How often a request is sent if connections are lost, and milliseconds between. */
const [TRIES, TRY_PAUSE] = [3, 500]

/** How often a busy server is asked again, with pauses that double from 50 ms. */
const RETRIES = 4

/** Characters of a server's answer that are looked at for its reason. */
const MOST_REASON = 4000

/**
 * A store in a bucket of S3, or of a server that understands the same requests.
 *
 * @throws ServeError `store` when the bucket cannot be read, which never shows a key
 */
export async function openS3Store(place: StorePlace, environment = process.env): Promise<Store> {
  const { urlOf, shown, region, keyId, secret, sessionToken } = readS3Place(place, environment)
  const client = new AwsClient({
    ...{ accessKeyId: keyId, secretAccessKey: secret, service: "s3", region, retries: RETRIES },
    ...(sessionToken === null ? {} : { sessionToken }),
  })
  /** Null: there is no such object. */
  const request = async (
    method: "GET" | "HEAD" | "PUT" | "DELETE",
    name: string,
    { body = null, headers = {} }: { readonly body?: Uint8Array<ArrayBuffer> | null; readonly headers?: object } = {},
  ): Promise<{ readonly status: number; readonly bytes: Uint8Array } | null> => {
    // The hash is signed, so that a server refuses bytes that changed on their way.
    const sha256 = createHash("sha256")
      .update(body ?? "")
      .digest("hex")
    const ask = async (): Promise<{ readonly answer: Response; readonly bytes: Uint8Array }> => {
      const answer = await client.fetch(urlOf(name), {
        method,
        headers: { ...headers, "x-amz-content-sha256": sha256 },
        ...(body === null ? {} : { body }),
        signal: AbortSignal.timeout(REQUEST_TIME),
      })
      return { answer, bytes: new Uint8Array(await answer.arrayBuffer()) }
    }
    const { answer, bytes } = await again(ask, (cause) => {
      throw new ServeError("store", `the store ${shown} cannot be reached: ${reasonOf(cause)}.`, { cause })
    })
    if (answer.ok || answer.status === 412) return { status: answer.status, bytes }
    const code = codeOf(bytes)
    if (answer.status === 404 && code !== "NoSuchBucket") return null
    throw new ServeError("store", failureText(shown, answer.status, code))
  }
  const store: Store = {
    shown,
    has: async (name) => (await request("HEAD", name)) !== null,
    read: async (name) => (await request("GET", name))?.bytes ?? null,
    async write(name, bytes, existing = "replace") {
      const condition = existing === "keep" ? { "if-none-match": "*" } : {}
      await request("PUT", name, { body: new Uint8Array(bytes), headers: condition })
    },
    async remove(name) {
      await request("DELETE", name)
    },
  }
  // A wrong key or a missing bucket is found now, and not by each piece of work.
  await store.read("store.json")
  return store
}

/** The result of a request, which is sent again if the connection is lost. The same request has the same effect. */
async function again<T>(ask: () => Promise<T>, fail: (cause: unknown) => never): Promise<T> {
  for (let left = TRIES; ; ) {
    try {
      return await ask()
    } catch (cause) {
      left -= 1
      if (left === 0) fail(cause)
      await new Promise((resolve) => setTimeout(resolve, TRY_PAUSE))
    }
  }
}

/** The code of S3's answer, such as NoSuchBucket. Empty: it has none. */
function codeOf(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes.subarray(0, MOST_REASON))
  return /<Code>([A-Za-z0-9.]{1,80})<\/Code>/.exec(text)?.[1] ?? ""
}

function failureText(shown: string, status: number, code: string): string {
  const said = code === "" ? `status ${status}` : code
  if (code === "NoSuchBucket") return `the store ${shown} has no such bucket. Make it, or correct the name.`
  if (status === 401 || status === 403) {
    return `the store ${shown} refuses the key of AWS_ACCESS_KEY_ID: ${said}. Correct the key, or allow it to read and write there.`
  }
  if (status === 301 || status === 307 || code === "AuthorizationHeaderMalformed") {
    return `the store ${shown} is in another region: ${said}. Set AWS_REGION.`
  }
  return `the store ${shown} answers with ${said}.`
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  // What fetch says is "fetch failed". Its cause says why.
  const inner = cause.cause instanceof Error ? cause.cause : cause
  return ("code" in inner && inner.message === "" ? String(inner.code) : inner.message).replace(/\.$/, "")
}
