import { LlliteError } from "./lllite-error.ts"

/** The reason of a refusal of bytes, names or values. Codes are stable, and messages are not. */
export type FormatErrorCode =
  // arguments
  /** An argument is of another kind than the function takes. */
  | "argument"
  // reading bytes
  /** A read goes past the end of the source. */
  | "source-range"
  /** The source gave fewer bytes than it has. */
  | "source-short-read"
  /** The server answered with an error. */
  | "source-status"
  /** The server cannot be reached. */
  | "source-unreachable"
  /** The server does not answer in time, or sends too slowly. */
  | "source-timeout"
  /** The server does not send parts of a file. */
  | "source-ranges"
  /** The file changed on the server during the work. */
  | "source-changed"
  // finding what to read
  /** The index of a sharded file is not valid. */
  | "index"
  /** The repository does not lead to one file. */
  | "hub"
  // what the file is
  /** The file is not a safetensors file. */
  | "not-safetensors"
  /** The file is a pickle of PyTorch. Such files are never opened. */
  | "pickle"
  /** The file holds another kind of model. */
  | "wrong-kind"
  // the safetensors header
  /** The file is shorter than the length of a header. */
  | "file-too-short"
  /** The header is longer than the format allows. */
  | "header-too-long"
  /** The file ends inside of its header. */
  | "header-truncated"
  /** The header holds more than any real file needs. */
  | "header-limit"
  /** The header is not UTF-8. */
  | "header-utf8"
  /** The header is not JSON. */
  | "header-syntax"
  /** A name stands twice in the header. */
  | "header-duplicate"
  /** A number in the header is not a plain whole number. */
  | "header-number"
  /** A string in the header has a wrong escape. */
  | "header-string"
  /** The metadata are not an object of strings. */
  | "metadata"
  /** The entry of a tensor has missing, unknown or wrong fields. */
  | "tensor-entry"
  /** The format has no such dtype. */
  | "dtype-unknown"
  /** The shape of a tensor has too many dimensions. */
  | "shape"
  /** A tensor takes more bytes than a file can hold, or not a whole number of bytes. */
  | "size-overflow"
  /** The bytes of a tensor do not match its shape and dtype. */
  | "size-mismatch"
  /** Bytes between two tensors belong to none. */
  | "offset-hole"
  /** Two tensors share bytes. */
  | "offset-overlap"
  /** The end of a tensor lies before its beginning. */
  | "offset-order"
  /** The file ends before its last tensor does. */
  | "data-truncated"
  /** The file has bytes after its last tensor. */
  | "data-trailing"
  // asking for or giving tensors
  /** The file has no tensor of that name. */
  | "tensor-unknown"
  /** Values of this dtype cannot be read or written here. */
  | "dtype-unsupported"
  /** A value is too large for the dtype, or not finite. */
  | "value-range"
  /** What is to be written is not a valid file. */
  | "write-input"
  // LLLite
  /** The layout of the U-Net is not valid. */
  | "layout"
  /** The choice of sites is not valid. */
  | "selection"
  /** A width of the LLLite is not valid. */
  | "dims"
  /** A site of the file does not exist in the U-Net. */
  | "site-unknown"
  /** A site lacks some of its tensors. */
  | "site-incomplete"
  /** A tensor of a site has a wrong shape. */
  | "site-shape"
  /** The conditioner of a site does not have the depth of its block. */
  | "site-depth"
  /** The width of a site does not match the U-Net. */
  | "site-width"
  /** A tensor of a site does not hold floating-point values. */
  | "site-dtype"
  // editing LLLites
  /** The files cannot be merged with these weights. */
  | "merge"
  /** Pruning would keep all sites or none. */
  | "prune"

/** The place of a {@link FormatError}. A field is missing if it does not apply. */
export interface FormatErrorPlace {
  /** Label of the source, usually a file name. */
  readonly source?: string
  /** Name of the refused tensor. */
  readonly tensor?: string
  /** Byte position in the file. */
  readonly offset?: number
  readonly cause?: unknown
}

/**
 * The error of this package. The input is wrong, and a second try will not help. The message names what was expected,
 * what came and what to do next. The fields have the same facts for programs.
 */
export class FormatError extends LlliteError<FormatErrorCode> {
  static override readonly kind = "FormatError"
  override readonly name = "FormatError"
  readonly source: string | undefined
  readonly tensor: string | undefined
  readonly offset: number | undefined

  constructor(code: FormatErrorCode, message: string, { source, tensor, offset, cause }: FormatErrorPlace = {}) {
    const where = [
      source === undefined ? [] : show(source),
      tensor === undefined ? [] : `tensor ${show(tensor)}`,
      offset === undefined ? [] : `byte ${offset}`,
    ].flat()
    super(
      code,
      where.length === 0 ? message : `${where.join(", ")}: ${message}`,
      cause === undefined ? undefined : { cause },
    )
    this.source = source
    this.tensor = tensor
    this.offset = offset
  }
}

/**
 * Text from a file, made safe for one line of a message: quoted, control characters escaped, cut at 120 characters.
 */
export function show(text: string): string {
  const limit = 120
  return JSON.stringify(text.length <= limit ? text : `${text.slice(0, limit)}…`)
}
