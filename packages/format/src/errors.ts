/** Why bytes, names or values were refused. Stable: switch on it rather than on the message. */
export type FormatErrorCode =
  // reading bytes
  | "source-range"
  | "source-short-read"
  | "source-status"
  | "source-unreachable"
  | "source-ranges"
  | "source-changed"
  // finding what to read
  | "index"
  | "hub"
  // what the file is
  | "not-safetensors"
  | "pickle"
  | "wrong-kind"
  // the safetensors header
  | "file-too-short"
  | "header-too-long"
  | "header-truncated"
  | "header-limit"
  | "header-utf8"
  | "header-syntax"
  | "header-duplicate"
  | "header-number"
  | "header-string"
  | "metadata"
  | "tensor-entry"
  | "dtype-unknown"
  | "shape"
  | "size-overflow"
  | "size-mismatch"
  | "offset-hole"
  | "offset-overlap"
  | "offset-order"
  | "data-truncated"
  | "data-trailing"
  // asking for or giving tensors
  | "tensor-unknown"
  | "dtype-unsupported"
  | "value-range"
  | "write-input"
  // LLLite
  | "layout"
  | "selection"
  | "dims"
  | "site-unknown"
  | "site-incomplete"
  | "site-shape"
  | "site-depth"
  | "site-width"
  | "site-dtype"
  // editing LLLites
  | "merge"
  | "prune"

/** Where a {@link FormatError} was found. Every field is optional because not every refusal has one. */
export interface FormatErrorPlace {
  /** Label of the source, usually a file name. */
  readonly source?: string
  /** Name of the tensor the refusal is about. */
  readonly tensor?: string
  /** Byte position in the file. */
  readonly offset?: number
  readonly cause?: unknown
}

/**
 * The one error this package throws: the input is wrong and will stay wrong. The message says what was expected,
 * what came and what to do; the fields say the same to a program.
 */
export class FormatError extends Error {
  override readonly name = "FormatError"
  readonly code: FormatErrorCode
  readonly source: string | undefined
  readonly tensor: string | undefined
  readonly offset: number | undefined

  constructor(code: FormatErrorCode, message: string, place: FormatErrorPlace = {}) {
    const where = [
      place.source === undefined ? undefined : show(place.source),
      place.tensor === undefined ? undefined : `tensor ${show(place.tensor)}`,
      place.offset === undefined ? undefined : `byte ${place.offset}`,
    ].filter((part) => part !== undefined)
    super(
      where.length === 0 ? message : `${where.join(", ")}: ${message}`,
      place.cause === undefined ? undefined : { cause: place.cause },
    )
    this.code = code
    this.source = place.source
    this.tensor = place.tensor
    this.offset = place.offset
  }
}

/**
 * Text from a file, made safe for one line of a message: quoted, control characters escaped, cut at 120 characters.
 */
export function show(text: string): string {
  const limit = 120
  return JSON.stringify(text.length <= limit ? text : `${text.slice(0, limit)}…`)
}
