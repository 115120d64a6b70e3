import { ServeError } from "../../errors.ts"
import type { StorePlace } from "./store.ts"

/** A place in S3, with what is needed to sign requests. */
export interface S3Place {
  /** The address of an object, by its name below the prefix. */
  urlOf(name: string): string
  readonly region: string
  readonly keyId: string
  readonly secret: string
  readonly sessionToken: string | null
  /** Bucket, prefix and server, without secrets. */
  readonly shown: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** Names of buckets. Source: Amazon S3 User Guide, "General purpose bucket naming rules". */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

/** Whether a place names a bucket, and not a folder. */
export function isS3(place: string): boolean {
  return /^s3:/i.test(place)
}

/**
 * Reads a place such as `s3://bucket/prefix`. Keys and region come from the variables of Amazon's own programs.
 *
 * @throws ServeError `store`, which never shows a key
 */
export function readS3Place({ place, endpoint = null }: StorePlace, environment: Environment): S3Place {
  const [, bucket = "", prefix = ""] = /^s3:\/\/([^/]*)\/?(.*)$/.exec(place) ?? []
  const folder = prefix.replace(/\/+$/, "")
  const parts = folder === "" ? [] : folder.split("/")
  // A dot as a part would be taken out of the address, and lead elsewhere.
  if (!BUCKET.test(bucket) || parts.some((part) => part === "" || part === "." || part === "..")) {
    throw refused(
      `the store ${JSON.stringify(place.slice(0, 200))} has another form than expected. Expected s3://BUCKET/PREFIX.`,
    )
  }
  const keyId = environment.AWS_ACCESS_KEY_ID ?? ""
  const secret = environment.AWS_SECRET_ACCESS_KEY ?? ""
  if (keyId === "" || secret === "") {
    const missing = [["AWS_ACCESS_KEY_ID", keyId] as const, ["AWS_SECRET_ACCESS_KEY", secret] as const]
    const names = missing.flatMap(([name, value]) => (value === "" ? [name] : []))
    throw refused(
      `the store ${place} needs a key, and ${names.join(" and ")} of the environment ${names.length === 1 ? "is" : "are"} not set.`,
    )
  }
  const region = environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION ?? "us-east-1"
  const server = endpoint ?? environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL ?? null
  const base = server === null ? amazon(bucket, region) : `${addressOf(server)}/${bucket}`
  const root = [base, ...parts.map(encodeURIComponent)].join("/")
  return {
    urlOf: (name) => `${root}/${name.split("/").map(encodeURIComponent).join("/")}`,
    ...{ region, keyId, secret },
    sessionToken: environment.AWS_SESSION_TOKEN ?? null,
    shown: `s3://${[bucket, ...parts].join("/")}${server === null ? "" : ` at ${addressOf(server)}`}`,
  }
}

/** Amazon's address of a bucket. The certificate does not cover names with dots. */
function amazon(bucket: string, region: string): string {
  return bucket.includes(".")
    ? `https://s3.${region}.amazonaws.com/${bucket}`
    : `https://${bucket}.s3.${region}.amazonaws.com`
}

/** @throws ServeError */
function addressOf(server: string): string {
  const url = URL.canParse(server) ? new URL(server) : null
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "" || url.hash !== "") {
    throw refused(
      "the address of the S3 server has another form than expected. Expected http://HOST:PORT or https://HOST.",
    )
  }
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, "")}`
}

function refused(text: string): ServeError {
  return new ServeError("store", text)
}
