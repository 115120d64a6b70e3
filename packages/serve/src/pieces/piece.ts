import { createHash } from "node:crypto"
import type { NamedModel } from "../files/locate.ts"

/* What a large work consists of. Each piece follows from its description alone, so that its result can be named by it. */

/** The form of pieces and of their results. Another form has other names. */
export const PIECE_VERSION = 1

/** A model that a piece needs, by its name in a folder of models. */
export interface PieceModel extends NamedModel {
  /** Says which weights it has. */
  readonly fingerprint: string
}

/** A piece of a large work. It is the same on all machines. */
export interface Piece {
  readonly kind: string
  /** What is to be done, as JSON. It names files by their SHA-256. */
  readonly input: unknown
  /** The files that it reads, by their SHA-256. They are in the store. */
  readonly contents: readonly string[]
  readonly models: readonly PieceModel[]
}

/** What a piece has made. Its files are in the store. */
export interface PieceResult {
  readonly files: readonly { readonly sha256: string; readonly size: number }[]
  /** What the maker says beside them, as JSON. */
  readonly facts: unknown
}

/** The name of a piece and of its result: the SHA-256 of its description. */
export function pieceKey(piece: Piece): string {
  const { kind, input, contents, models } = piece
  const text = JSON.stringify([PIECE_VERSION, kind, ordered(input), contents, models.map(ordered)])
  return createHash("sha256").update(text).digest("hex")
}

/** JSON whose fields are in alphabetical order. So it is the same after its way through Redis. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, field]) => [name, ordered(field)]))
}

type Fields = Readonly<Record<string, unknown>>

/** A piece out of Redis. Null: it has another form, or another name than it says. */
export function readPiece(value: unknown, key: string): Piece | null {
  const { version, kind, input, contents, models } = (value ?? {}) as Fields
  const isWhole =
    version === PIECE_VERSION &&
    typeof kind === "string" &&
    isListOf(contents, isHash) &&
    isListOf(models, (model): model is PieceModel => {
      const { kind: of, name, size, fingerprint } = (model ?? {}) as Fields
      return [of, name, fingerprint].every((text) => typeof text === "string") && typeof size === "number"
    })
  if (!isWhole) return null
  const piece = { kind, input, contents, models }
  return pieceKey(piece) === key ? piece : null
}

/** A result out of a store. Null: it has another form. */
export function readPieceResult(text: string): PieceResult | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return null
  }
  const { files, facts } = (parsed ?? {}) as Fields
  const isFile = (file: unknown): file is PieceResult["files"][number] => {
    const { sha256, size } = (file ?? {}) as Fields
    return isHash(sha256) && typeof size === "number"
  }
  return isListOf(files, isFile) ? { files, facts } : null
}

function isListOf<T>(value: unknown, isEach: (each: unknown) => each is T): value is readonly T[] {
  return Array.isArray(value) && value.every(isEach)
}

function isHash(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value)
}
