import type { StepPart } from "@lllite/core/runtime"
import type { LossAndGradients } from "@lllite/core/training"

/*
 * What ranks and the leading process say to each other. A rank says hello, and is welcomed or refused. Then it is sent
 * parts, and answers each with a result or a failure.
 */

/** What has to be the same in all processes of a run, by name: the version, the backend, the model. */
export type Identity = Readonly<Record<string, string>>

/** What a rank sends. */
export type FromRank =
  | { readonly kind: "hello"; readonly name: string; readonly places: number; readonly identity: Identity }
  | ({ readonly kind: "result"; readonly id: number } & LossAndGradients)
  | { readonly kind: "failed"; readonly id: number; readonly reason: string }

/** What the leading process sends. */
export type FromHub =
  | { readonly kind: "welcome" }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "part"; readonly id: number; readonly part: StepPart }
  | { readonly kind: "abort"; readonly id: number }
  /** The run has ended. */
  | { readonly kind: "end" }
  /** The run was stopped before its end, and may be continued at the same address. */
  | { readonly kind: "stopped" }

/** Path of the WebSocket. */
export const PATH = "/ranks"

/** The most parts that a rank may compute at a time. */
export const MAX_PLACES = 256

/** A message of a rank, or null for another form. */
export function readFromRank(message: unknown): FromRank | null {
  if (!isObject(message)) return null
  const { kind, name, places, identity, id, loss, gradients, reason } = message
  if (kind === "hello") {
    const isCount = Number.isInteger(places) && (places as number) >= 1 && (places as number) <= MAX_PLACES
    if (typeof name !== "string" || !isCount || !isIdentity(identity)) return null
    return { kind, name: name.slice(0, 200), places: places as number, identity }
  }
  if (typeof id !== "number") return null
  if (kind === "result" && typeof loss === "number" && gradients instanceof Float32Array)
    return { kind, id, loss, gradients }
  if (kind === "failed" && typeof reason === "string") return { kind, id, reason }
  return null
}

/** A message of the leading process, or null for another form. A part is checked where it is computed. */
export function readFromHub(message: unknown): FromHub | null {
  if (!isObject(message)) return null
  const { kind, id, part, reason } = message
  if (kind === "welcome" || kind === "end" || kind === "stopped") return { kind }
  if (kind === "refused" && typeof reason === "string") return { kind, reason }
  if (typeof id !== "number") return null
  if (kind === "abort") return { kind, id }
  if (kind === "part" && isObject(part)) return { kind, id, part: part as unknown as StepPart }
  return null
}

/** The first thing in which a rank differs from the leading process, as a sentence. Null: nothing. */
export function differenceOf(rank: Identity, hub: Identity): string | null {
  for (const [name, expected] of Object.entries(hub)) {
    const came = Object.hasOwn(rank, name) ? rank[name] : undefined
    if (came !== expected) return `its ${name} is ${came ?? "not stated"}, expected ${expected}.`
  }
  return null
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)
}

function isIdentity(value: unknown): value is Identity {
  return isObject(value) && Object.values(value).every((text) => typeof text === "string")
}
