import type { StepGroup, StepPart } from "@lllite/core/runtime"

/*
 * What ranks and a hub say to each other. A rank says hello, and is welcomed, refused, or sent to a branch. Then it is
 * sent parts, and answers each with pieces of its gradient and a result, or with a failure. A rank that leads a branch is
 * sent groups of parts, too.
 */

/** What has to be the same in all processes of a run, by name: the version, the backend, the model. */
export type Identity = Readonly<Record<string, string>>

/** The number of this protocol. Processes with another one refuse each other. */
export const PROTOCOL = 2

/** Values of a gradient that follow each other, in float32 or in float16 (see core's `RoundedGradients`). */
export type Piece =
  | { readonly from: number; readonly values: Float32Array }
  | { readonly from: number; readonly exponents: Uint8Array; readonly halves: Uint8Array }

/** What a rank says first. */
export interface Hello {
  readonly kind: "hello"
  readonly protocol: number
  readonly name: string
  readonly places: number
  readonly identity: Identity
  /** Whether it can lead a branch. */
  readonly leads: boolean
  /** The branch that it was sent to and did not reach. Null: none. */
  readonly unreached: string | null
}

/** What a rank sends. */
export type FromRank =
  | Hello
  | { readonly kind: "pieces"; readonly id: number; readonly pieces: readonly Piece[] }
  | { readonly kind: "result"; readonly id: number; readonly loss: number; readonly repeats: number }
  | { readonly kind: "feedback"; readonly id: number; readonly lane: number; readonly values: Float32Array }
  | { readonly kind: "failed"; readonly id: number; readonly reason: string }
  /** It leads a branch now. Host null: the one by which it is seen. */
  | { readonly kind: "leads"; readonly host: string | null; readonly port: number }
  | { readonly kind: "cannot-lead"; readonly reason: string }
  /** The ranks of its branch have changed. */
  | { readonly kind: "branch"; readonly change: "joined" | "lost"; readonly name: string; readonly ranks: number }

/** What a hub sends. */
export type FromHub =
  | { readonly kind: "welcome" }
  | { readonly kind: "refused"; readonly reason: string }
  /** Another rank leads the branch of this one. */
  | { readonly kind: "go"; readonly host: string; readonly port: number }
  /** Lead a branch from now on. */
  | { readonly kind: "lead" }
  | { readonly kind: "part"; readonly id: number; readonly part: StepPart }
  | { readonly kind: "group"; readonly id: number; readonly group: StepGroup }
  | { readonly kind: "abort"; readonly id: number }
  /** Give back what is left out of parts. See core's `TrainHelp`. */
  | { readonly kind: "take"; readonly id: number; readonly before: number }
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
  const { kind, id, lane, loss, repeats = 0, pieces, values, reason, host, port, change, ranks } = message
  if (kind === "hello") return readHello(message)
  if (kind === "cannot-lead" && typeof reason === "string") return { kind, reason: reason.slice(0, 500) }
  if (kind === "leads" && (host === null || typeof host === "string") && isIn(port, 1, 65_535)) {
    return { kind, host, port }
  }
  if (kind === "branch" && (change === "joined" || change === "lost") && isIn(ranks, 0, 1e6)) {
    return { kind, change, name: nameOf(message), ranks }
  }
  if (!isIn(id, 0, Number.MAX_SAFE_INTEGER)) return null
  if (kind === "pieces" && Array.isArray(pieces) && pieces.every(isPiece)) return { kind, id, pieces }
  if (kind === "result" && typeof loss === "number" && isIn(repeats, 0, 1e6)) return { kind, id, loss, repeats }
  if (kind === "feedback" && isIn(lane, 0, 1e9) && values instanceof Float32Array) return { kind, id, lane, values }
  if (kind === "failed" && typeof reason === "string") return { kind, id, reason: reason.slice(0, 2000) }
  return null
}

function readHello(message: Readonly<Record<string, unknown>>): Hello | null {
  const { protocol = 1, places, identity, leads = false, unreached = null } = message
  const isFit = isIn(places, 1, MAX_PLACES) && isIn(protocol, 0, 1e6) && typeof leads === "boolean"
  if (typeof message.name !== "string" || !isFit || !isIdentity(identity)) return null
  if (unreached !== null && typeof unreached !== "string") return null
  return { kind: "hello", protocol, name: nameOf(message), places, identity, leads, unreached }
}

/** A message of a hub, or null for another form. A part is checked where it is computed. */
export function readFromHub(message: unknown): FromHub | null {
  if (!isObject(message)) return null
  const { kind, id, part, group, before, reason, host, port } = message
  if (kind === "welcome" || kind === "lead" || kind === "end" || kind === "stopped") return { kind }
  if (kind === "refused" && typeof reason === "string") return { kind, reason }
  if (kind === "go" && typeof host === "string" && isIn(port, 1, 65_535)) return { kind, host, port }
  if (!isIn(id, 0, Number.MAX_SAFE_INTEGER)) return null
  if (kind === "abort") return { kind, id }
  if (kind === "take" && typeof before === "number") return { kind, id, before }
  if (kind === "part" && isObject(part)) return { kind, id, part: part as unknown as StepPart }
  if (kind === "group" && isObject(group) && Array.isArray(group.parts)) {
    return { kind, id, group: group as unknown as StepGroup }
  }
  return null
}

/** The first thing in which a rank differs from the leading process, as a sentence. Null: nothing. */
export function differenceOf({ protocol, identity: rank }: Hello, hub: Identity): string | null {
  for (const [name, expected] of Object.entries(hub)) {
    const came = Object.hasOwn(rank, name) ? rank[name] : undefined
    if (came !== expected) return `its ${name} is ${came ?? "not stated"}, expected ${expected}.`
  }
  return protocol === PROTOCOL
    ? null
    : `its protocol is ${protocol}, expected ${PROTOCOL}. Install one version of LLLite.`
}

function isPiece(piece: unknown): piece is Piece {
  if (!isObject(piece) || !isIn(piece.from, 0, Number.MAX_SAFE_INTEGER)) return false
  if (piece.values instanceof Float32Array) return true
  return piece.exponents instanceof Uint8Array && piece.halves instanceof Uint8Array
}

function nameOf({ name }: Readonly<Record<string, unknown>>): string {
  return typeof name === "string" ? name.slice(0, 200) : "a rank"
}

function isIn(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)
}

function isIdentity(value: unknown): value is Identity {
  return isObject(value) && Object.values(value).every((text) => typeof text === "string")
}
