import { FormatError, show } from "../errors.ts"
import type { Dtype } from "./dtype.ts"
import { DTYPE_BITS } from "./dtype.ts"
import type { SafetensorsHeader, TensorInfo } from "./header-contents.ts"
import { HEADER_LENGTH_BYTES, MAX_INDEX_BYTES, MAX_RANK, METADATA_KEY, tensorBytes } from "./header-rules.ts"
import { HeaderScanner, NEED_MORE } from "./header-scanner.ts"
import type { Cursor } from "./packed-map.ts"
import { PackedMap, readText, readVarint, varintBytes, writeText, writeVarint } from "./packed-map.ts"
import { decodeUtf8 } from "./utf8.ts"

const OPEN = 0x7b
const CLOSE = 0x7d
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const COMMA = 0x2c
const COLON = 0x3a
const QUOTE = 0x22

const DTYPES = Object.keys(DTYPE_BITS) as Dtype[]
const FIELDS = ["dtype", "shape", "data_offsets"] as const

/** The shortest entry of a tensor: `"":{"dtype":"U8","shape":[],"data_offsets":[0,1]},`. */
const SHORTEST_ENTRY = 48

/** The shortest pair of metadata: `"":"",`. */
const SHORTEST_PAIR = 6

/** Below this size a header's entries are ordinary Maps, which can be printed, copied and cloned. */
const PLAIN_MAP_BYTES = 2 ** 20

/** The parser's next element. Each is at most one entry, which is read as a whole or not at all. */
type Expected =
  | "start"
  | "first-entry"
  | "entry"
  | "after-entry"
  | "first-pair"
  | "pair"
  | "after-pair"
  | "end"
  | "nothing"

/** Reads a header entry by entry, from one window of its bytes after the other, into packed maps. */
export class HeaderParser {
  readonly #scanner: HeaderScanner
  readonly #label: string
  readonly #fileSize: number
  readonly #dataStart: number
  readonly #tensors: PackedMap<TensorInfo>
  readonly #metadata: PackedMap<string>
  #expected: Expected = "start"
  #hasMetadata = false
  /** Bytes that the tensors claim so far. With it a header that only has overlaps is refused early. */
  #claimed = 0
  /** Whether the tensors so far have the order of their data, as every known writer lists them. */
  #inOrder = true
  #lastBegin = 0
  #lastBytes = 0
  /** Bytes of the current name. They are stored separately, because the scanner's text changes with the next string. */
  #name: Uint8Array | undefined
  #nameStart = 0
  #nameEnd = 0
  #dtype = 0
  readonly #shape: number[] = []
  readonly #offsets: number[] = []

  constructor(headerLength: number, fileSize: number, label: string) {
    this.#label = label
    this.#fileSize = fileSize
    this.#dataStart = HEADER_LENGTH_BYTES + headerLength
    this.#scanner = new HeaderScanner(label, () => this.#nameText())
    this.#scanner.keptOffset = HEADER_LENGTH_BYTES
    this.#tensors = new PackedMap((cursor, name) => this.#decodeTensor(cursor, name), headerLength / SHORTEST_ENTRY)
    this.#metadata = new PackedMap((cursor) => readText(cursor), headerLength / SHORTEST_PAIR)
  }

  /** Position in the file of the next needed byte. */
  get wanted(): number {
    return this.#scanner.keptOffset
  }

  /**
   * Reads what these bytes have.
   *
   * @returns whether the header is complete
   * @throws FormatError
   */
  feed(bytes: Uint8Array, start: number, isLast: boolean): boolean {
    const scanner = this.#scanner
    scanner.moveWindow(bytes, start, isLast)
    try {
      while (this.#expected !== "nothing") {
        this.#name = this.#expected.endsWith("pair") ? METADATA_NAME : undefined
        this.#nameStart = 0
        this.#nameEnd = METADATA_NAME.length
        scanner.keep()
        this.#expected = this.#step()
      }
      return true
    } catch (error) {
      if (error === NEED_MORE) return false
      throw error
    }
  }

  /**
   * The header, when `feed` has said that it is complete.
   *
   * @throws FormatError `offset-overlap`, `offset-hole`, `data-trailing`
   */
  finish(): SafetensorsHeader {
    if (!this.#inOrder) this.#tensors.sort((a, b) => this.#compareByData(a, b))
    const tensors = plain(this.#tensors)
    let reached = this.#dataStart
    for (const { name, start, end } of tensors.values()) {
      if (start !== reached) {
        const what = `the data begins at byte ${start} of the file, expected byte ${reached}`
        const place = { source: this.#label, tensor: name, offset: start }
        throw start < reached
          ? new FormatError("offset-overlap", `${what}: it overlaps another tensor's`, place)
          : new FormatError("offset-hole", `${what}: bytes that belong to no tensor are not allowed`, place)
      }
      reached = end
    }
    if (reached !== this.#fileSize) {
      const extra = `${this.#fileSize - reached} bytes follow the last tensor; a safetensors file ends with its data`
      const place = { source: this.#label, offset: reached }
      throw new FormatError("data-trailing", `${extra}. Was something appended to it?`, place)
    }
    return { tensors, metadata: plain(this.#metadata), dataStart: this.#dataStart }
  }

  #step(): Expected {
    const scanner = this.#scanner
    switch (this.#expected) {
      case "start":
        scanner.expect(OPEN, "at the start of the header")
        return "first-entry"
      case "first-entry":
        return scanner.accept(CLOSE) ? "end" : this.#entry()
      case "entry":
        return this.#entry()
      case "after-entry":
        if (scanner.accept(COMMA)) return "entry"
        scanner.expect(CLOSE, "or a comma after an entry")
        return "end"
      case "first-pair":
        return scanner.accept(CLOSE) ? "after-entry" : this.#pair()
      case "pair":
        return this.#pair()
      case "after-pair":
        if (scanner.accept(COMMA)) return "pair"
        scanner.expect(CLOSE, "or a comma after a metadata value")
        return "after-entry"
      case "end":
        scanner.expectEnd()
        return "nothing"
      case "nothing":
        return "nothing"
    }
  }

  #entry(): Expected {
    const scanner = this.#scanner
    const { offset } = scanner
    scanner.string("a tensor's name")
    const name = scanner.text
    const start = scanner.textStart
    const end = scanner.textEnd
    this.#name = name
    this.#nameStart = start
    this.#nameEnd = end
    const isMetadata = scanner.textAmong([METADATA_KEY]) === 0
    const slot = this.#tensors.slot(name, start, end)
    if (isMetadata ? this.#hasMetadata : this.#tensors.hasBytes(slot, name, start, end)) {
      throw scanner.error("header-duplicate", "the header has this name twice", offset)
    }
    scanner.expect(COLON, "after a name")
    if (isMetadata) {
      const isNull = scanner.acceptNull()
      if (!isNull && !scanner.accept(OPEN)) {
        throw scanner.error("metadata", "expected an object whose values are strings")
      }
      this.#hasMetadata = true
      return isNull ? "after-entry" : "first-pair"
    }
    this.#tensor(slot, name, start, end)
    return "after-entry"
  }

  #pair(): Expected {
    const scanner = this.#scanner
    const { offset } = scanner
    scanner.string("a metadata key")
    const { text: key, textStart: start, textEnd: end } = scanner
    const slot = this.#metadata.slot(key, start, end)
    if (this.#metadata.hasBytes(slot, key, start, end)) {
      throw scanner.error("header-duplicate", `the key ${show(scanner.textString())} is there twice`, offset)
    }
    const shown = (): string => show(decodeUtf8(key, start, end))
    scanner.expect(COLON, "after a metadata key")
    if (!scanner.isNext(QUOTE)) throw scanner.error("metadata", `the value of ${shown()} is not a string`)
    scanner.string("a metadata value")
    const { text, textStart, textEnd } = scanner
    const bytes = varintBytes(textEnd - textStart) + textEnd - textStart
    this.#checkLimit(bytes + end - start)
    this.#metadata.add(slot, key, start, end, bytes, (cursor) => writeText(cursor, text, textStart, textEnd))
    return "after-pair"
  }

  #tensor(slot: number, name: Uint8Array, start: number, end: number): void {
    const scanner = this.#scanner
    const entryOffset = scanner.offset
    const offsetsAt = this.#fields()
    const shape = this.#shape
    const [dataBegin, dataEnd] = this.#offsets
    const dtype = DTYPES[this.#dtype] as Dtype
    if (dataBegin === undefined || dataEnd === undefined) {
      throw scanner.error("tensor-entry", "data_offsets has fewer than two numbers, expected [begin, end]", offsetsAt)
    }
    if (dataEnd < dataBegin) {
      throw scanner.error(
        "offset-order",
        `data_offsets end at ${dataEnd}, before they begin at ${dataBegin}`,
        offsetsAt,
      )
    }
    const claimed = this.#checkClaim(dataBegin, dataEnd, offsetsAt)
    const expected = tensorBytes(dtype, shape)
    if (expected === null) {
      const what = `${dtype} [${shape.join(", ")}]`
      throw scanner.error("size-overflow", `${what} takes no whole number of bytes that a file can hold`, entryOffset)
    }
    if (expected !== dataEnd - dataBegin) {
      const what = `${dtype} [${shape.join(", ")}] takes ${expected} bytes`
      const held = `data_offsets [${dataBegin}, ${dataEnd}] hold ${dataEnd - dataBegin}`
      throw scanner.error("size-mismatch", `${what}, but ${held}`, offsetsAt)
    }
    let bytes = 2 + varintBytes(dataBegin)
    for (const size of shape) bytes += varintBytes(size)
    this.#checkLimit(bytes + end - start)
    this.#tensors.add(slot, name, start, end, bytes, (cursor) => {
      writeVarint(cursor, dataBegin)
      cursor.bytes[cursor.at++] = this.#dtype
      cursor.bytes[cursor.at++] = shape.length
      for (const size of shape) writeVarint(cursor, size)
    })
    this.#claimed = claimed
    this.#inOrder &&= dataBegin > this.#lastBegin || (dataBegin === this.#lastBegin && this.#lastBytes === 0)
    this.#lastBegin = dataBegin
    this.#lastBytes = expected
  }

  /** Reads a tensor's three fields into `#dtype`, `#shape` and `#offsets`; returns where the last of them stand. */
  #fields(): number {
    const scanner = this.#scanner
    const entryOffset = scanner.offset
    let offsetsAt = entryOffset
    let seen = 0
    if (!scanner.accept(OPEN)) {
      throw scanner.error("tensor-entry", "expected an object with dtype, shape and data_offsets")
    }
    if (!scanner.accept(CLOSE)) {
      do {
        const fieldOffset = scanner.offset
        scanner.string("a field's name")
        const field = scanner.textAmong(FIELDS)
        if (field < 0) {
          const what = `unknown field ${show(scanner.textString())}; expected dtype, shape and data_offsets only`
          throw scanner.error("tensor-entry", what, fieldOffset)
        }
        if ((seen & (1 << field)) !== 0) {
          throw scanner.error("header-duplicate", `the field ${show(scanner.textString())} is there twice`, fieldOffset)
        }
        seen |= 1 << field
        scanner.expect(COLON, "after a field's name")
        if (field === 0) this.#readDtype()
        else if (field === 1) this.#integers(this.#shape, "shape", MAX_RANK)
        else {
          offsetsAt = scanner.offset
          this.#integers(this.#offsets, "data_offsets", 2)
        }
      } while (scanner.accept(COMMA))
      scanner.expect(CLOSE, "or a comma after a field")
    }
    const missing = FIELDS.find((_, field) => (seen & (1 << field)) === 0)
    if (missing !== undefined) {
      throw scanner.error("tensor-entry", `the field ${missing} is missing`, entryOffset)
    }
    return offsetsAt
  }

  #readDtype(): void {
    const scanner = this.#scanner
    const { offset } = scanner
    scanner.string("a dtype")
    this.#dtype = scanner.textAmong(DTYPES)
    if (this.#dtype >= 0) return
    const what = `unknown dtype ${show(scanner.textString())}, expected one of ${DTYPES.join(", ")}`
    throw scanner.error("dtype-unknown", what, offset)
  }

  #integers(values: number[], field: string, most: number): void {
    const scanner = this.#scanner
    values.length = 0
    if (!scanner.accept(OPEN_LIST)) throw scanner.error("tensor-entry", `${field} is not an array of whole numbers`)
    if (scanner.accept(CLOSE_LIST)) return
    do {
      if (values.length === most) {
        throw scanner.error(field === "shape" ? "shape" : "tensor-entry", `${field} has more than ${most} numbers`)
      }
      values.push(scanner.unsigned(field))
    } while (scanner.accept(COMMA))
    scanner.expect(CLOSE_LIST, `or a comma in ${field}`)
  }

  #checkClaim(begin: number, end: number, offset: number): number {
    const dataBytes = this.#fileSize - this.#dataStart
    if (end > dataBytes) {
      const missing = `data_offsets end at ${end}, but the file has ${dataBytes} bytes of data`
      throw this.#scanner.error("data-truncated", `${missing}. Is the download complete?`, offset)
    }
    const claimed = this.#claimed + end - begin
    if (claimed > dataBytes) {
      const claim = `the tensors up to this one claim ${claimed} bytes of ${dataBytes}`
      throw this.#scanner.error("offset-overlap", `${claim}, so some share bytes; the format does not allow it`, offset)
    }
    return claimed
  }

  #checkLimit(more: number): void {
    if (this.#tensors.byteLength + this.#metadata.byteLength + more <= MAX_INDEX_BYTES) return
    const what = `names and metadata up to this one take more than ${MAX_INDEX_BYTES} bytes`
    throw this.#scanner.error("header-limit", `${what}, which no real file needs; they are not read`)
  }

  #compareByData(a: Cursor, b: Cursor): number {
    const difference = readVarint(a) - readVarint(b)
    // If two tensors begin at one byte, one of them has to be empty, and comes first.
    return difference === 0 ? readBytes(a) - readBytes(b) : difference
  }

  #decodeTensor(cursor: Cursor, name: string): TensorInfo {
    const start = this.#dataStart + readVarint(cursor)
    const { dtype, shape } = readType(cursor)
    return { name, dtype, shape, start, end: start + (tensorBytes(dtype, shape) ?? 0) }
  }

  #nameText(): string | undefined {
    return this.#name && decodeUtf8(this.#name, this.#nameStart, this.#nameEnd)
  }
}

const METADATA_NAME = new TextEncoder().encode(METADATA_KEY)

function readType(cursor: Cursor): { dtype: Dtype; shape: number[] } {
  const dtype = DTYPES[cursor.bytes[cursor.at++] as number] as Dtype
  const rank = cursor.bytes[cursor.at++] as number
  const shape: number[] = []
  for (let axis = 0; axis < rank; axis++) shape.push(readVarint(cursor))
  return { dtype, shape }
}

function readBytes(cursor: Cursor): number {
  const { dtype, shape } = readType(cursor)
  return tensorBytes(dtype, shape) ?? 0
}

function plain<V>(packed: PackedMap<V>): ReadonlyMap<string, V> {
  return packed.byteLength <= PLAIN_MAP_BYTES ? new Map(packed) : packed
}
