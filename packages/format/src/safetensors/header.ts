import { FormatError, show } from "../errors.ts"
import type { Dtype } from "./dtype.ts"
import { DTYPE_BITS, isDtype } from "./dtype.ts"
import { HeaderScanner } from "./header-scanner.ts"

/** The longest header the format allows. Source: huggingface/safetensors, `MAX_HEADER_SIZE`. */
export const MAX_HEADER_BYTES = 100_000_000

/** More dimensions than any library has tensors for (NumPy and PyTorch stop at 64). */
export const MAX_RANK = 64

/** Bytes before the header: its length, as a little-endian u64. */
export const HEADER_LENGTH_BYTES = 8

/** The one header entry that is not a tensor. */
export const METADATA_KEY = "__metadata__"

const MAX_U64 = 0xffff_ffff_ffff_ffffn

/** A tensor as the header describes it. */
export interface TensorInfo {
  readonly name: string
  readonly dtype: Dtype
  /** Row-major; [] is a scalar. */
  readonly shape: readonly number[]
  /** First byte in the file. */
  readonly start: number
  /** Byte in the file after the last. */
  readonly end: number
}

/** Everything a safetensors file says before its data. */
export interface SafetensorsHeader {
  /** By name, in the order of their data. */
  readonly tensors: ReadonlyMap<string, TensorInfo>
  /** Free text pairs in file order; empty when the file has none. */
  readonly metadata: ReadonlyMap<string, string>
  /** Byte in the file where the data begins. */
  readonly dataStart: number
}

/**
 * Reads the length in a file's first eight bytes and holds it against the file's size, before anybody allocates.
 *
 * @throws FormatError `file-too-short`, `header-too-long`, `header-truncated`
 */
export function parseHeaderLength(firstBytes: Uint8Array, fileSize: number, label: string): number {
  if (fileSize < HEADER_LENGTH_BYTES || firstBytes.byteLength < HEADER_LENGTH_BYTES) {
    throw new FormatError(
      "file-too-short",
      `the file has ${fileSize} bytes, a safetensors file at least 8. Download or export it again.`,
      { source: label },
    )
  }
  const length = new DataView(firstBytes.buffer, firstBytes.byteOffset).getBigUint64(0, true)
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw new FormatError(
      "header-too-long",
      `the first eight bytes announce a header of ${length} bytes; the format allows ${MAX_HEADER_BYTES}. This is probably no safetensors file.`,
      { source: label, offset: 0 },
    )
  }
  if (Number(length) > fileSize - HEADER_LENGTH_BYTES) {
    throw new FormatError(
      "header-truncated",
      `the header has ${length} bytes, but only ${fileSize - HEADER_LENGTH_BYTES} follow. Is the download complete?`,
      { source: label, offset: 0 },
    )
  }
  return Number(length)
}

/**
 * Reads a header's JSON strictly. Whatever the specification forbids is refused: duplicate names however they are
 * spelled, anything but plain integers, unknown dtypes and fields, sizes that disagree with shapes, and data that
 * overlaps, has holes, or does not end with the file. Names are only ever Map keys, so `__proto__` is one of them.
 * Stricter than upstream in five places: duplicate names, unknown fields, entries written as arrays, integers above
 * 2^53 - 1, more than {@link MAX_RANK} dimensions.
 *
 * @param json the header without its length
 * @param fileSize size of the whole file in bytes
 * @throws FormatError naming the rule, the tensor and the byte
 */
export function parseHeader(json: Uint8Array, fileSize: number, label: string): SafetensorsHeader {
  const dataStart = HEADER_LENGTH_BYTES + json.byteLength
  const scanner = new HeaderScanner(json, HEADER_LENGTH_BYTES, label)
  const budget: DataBudget = { dataStart, dataBytes: fileSize - dataStart, claimed: 0 }
  const tensors = new Map<string, TensorInfo>()
  let metadata: Map<string, string> | undefined

  scanner.expect("{", "at the start of the header")
  if (!scanner.accept("}")) {
    do {
      const offset = scanner.offset
      const name = scanner.string("a tensor's name")
      scanner.tensor = name
      if (tensors.has(name) || (name === METADATA_KEY && metadata !== undefined)) {
        throw scanner.error("header-duplicate", "the header has this name twice", offset)
      }
      scanner.expect(":", "after a name")
      if (name === METADATA_KEY) metadata = scanMetadata(scanner)
      else tensors.set(name, scanTensor(scanner, name, budget))
      scanner.tensor = undefined
    } while (scanner.accept(","))
    scanner.expect("}", "or a comma after an entry")
  }
  scanner.expectEnd()

  return { tensors: inDataOrder(tensors, fileSize, dataStart, label), metadata: metadata ?? new Map(), dataStart }
}

function scanMetadata(scanner: HeaderScanner): Map<string, string> {
  const metadata = new Map<string, string>()
  if (scanner.accept("null")) return metadata
  if (!scanner.accept("{")) throw scanner.error("metadata", "expected an object whose values are strings")
  if (scanner.accept("}")) return metadata
  do {
    const offset = scanner.offset
    const key = scanner.string("a metadata key")
    if (metadata.has(key)) throw scanner.error("header-duplicate", `the key ${show(key)} is there twice`, offset)
    scanner.expect(":", "after a metadata key")
    if (!scanner.isNext('"')) throw scanner.error("metadata", `the value of ${show(key)} is not a string`)
    metadata.set(key, scanner.string("a metadata value"))
  } while (scanner.accept(","))
  scanner.expect("}", "or a comma after a metadata value")
  return metadata
}

/** What the tensors read so far claim of the file, so that a header of nothing but overlaps is refused early. */
interface DataBudget {
  readonly dataStart: number
  readonly dataBytes: number
  claimed: number
}

function scanTensor(scanner: HeaderScanner, name: string, budget: DataBudget): TensorInfo {
  const entryOffset = scanner.offset
  let dtype: Dtype | undefined
  let shape: readonly number[] | undefined
  let offsets: readonly number[] | undefined
  let offsetsAt = entryOffset

  if (!scanner.accept("{")) throw scanner.error("tensor-entry", "expected an object with dtype, shape and data_offsets")
  if (!scanner.accept("}")) {
    do {
      const fieldOffset = scanner.offset
      const field = scanner.string("a field's name")
      scanner.expect(":", "after a field's name")
      const repeated = (): FormatError =>
        scanner.error("header-duplicate", `the field ${show(field)} is there twice`, fieldOffset)
      if (field === "dtype") {
        if (dtype !== undefined) throw repeated()
        dtype = scanDtype(scanner)
      } else if (field === "shape") {
        if (shape !== undefined) throw repeated()
        shape = scanIntegers(scanner, "shape", MAX_RANK)
      } else if (field === "data_offsets") {
        if (offsets !== undefined) throw repeated()
        offsetsAt = scanner.offset
        offsets = scanIntegers(scanner, "data_offsets", 2)
      } else {
        const known = "expected dtype, shape and data_offsets only"
        throw scanner.error("tensor-entry", `unknown field ${show(field)}; ${known}`, fieldOffset)
      }
    } while (scanner.accept(","))
    scanner.expect("}", "or a comma after a field")
  }
  const missing = dtype === undefined ? "dtype" : shape === undefined ? "shape" : "data_offsets"
  if (dtype === undefined || shape === undefined || offsets === undefined) {
    throw scanner.error("tensor-entry", `the field ${missing} is missing`, entryOffset)
  }
  const [begin, end] = offsets
  if (begin === undefined || end === undefined) {
    throw scanner.error("tensor-entry", "data_offsets has fewer than two numbers, expected [begin, end]", offsetsAt)
  }
  if (end < begin) {
    throw scanner.error("offset-order", `data_offsets end at ${end}, before they begin at ${begin}`, offsetsAt)
  }
  checkClaim(scanner, begin, end, offsetsAt, budget)
  const expected = tensorBytes(dtype, shape)
  if (expected === null) {
    const what = `${dtype} [${shape.join(", ")}]`
    throw scanner.error("size-overflow", `${what} takes no whole number of bytes that 64 bits can count`, entryOffset)
  }
  if (expected !== end - begin) {
    const what = `${dtype} [${shape.join(", ")}] takes ${expected} bytes`
    throw scanner.error("size-mismatch", `${what}, but data_offsets [${begin}, ${end}] hold ${end - begin}`, offsetsAt)
  }
  return { name, dtype, shape, start: budget.dataStart + begin, end: budget.dataStart + end }
}

function checkClaim(scanner: HeaderScanner, begin: number, end: number, offset: number, budget: DataBudget): void {
  if (end > budget.dataBytes) {
    const missing = `data_offsets end at ${end}, but the file has ${budget.dataBytes} bytes of data`
    throw scanner.error("data-truncated", `${missing}. Is the download complete?`, offset)
  }
  budget.claimed += end - begin
  if (budget.claimed > budget.dataBytes) {
    const claim = `the tensors up to this one claim ${budget.claimed} bytes of ${budget.dataBytes}`
    throw scanner.error("offset-overlap", `${claim}, so some share bytes; the format does not allow it`, offset)
  }
}

function scanDtype(scanner: HeaderScanner): Dtype {
  const offset = scanner.offset
  const name = scanner.string("a dtype")
  if (isDtype(name)) return name
  const known = Object.keys(DTYPE_BITS).join(", ")
  throw scanner.error("dtype-unknown", `unknown dtype ${show(name)}, expected one of ${known}`, offset)
}

function scanIntegers(scanner: HeaderScanner, field: string, most: number): readonly number[] {
  if (!scanner.accept("[")) throw scanner.error("tensor-entry", `${field} is not an array of whole numbers`)
  const values: number[] = []
  if (scanner.accept("]")) return values
  do {
    if (values.length === most) {
      throw scanner.error(field === "shape" ? "shape" : "tensor-entry", `${field} has more than ${most} numbers`)
    }
    values.push(scanner.unsigned(`a number of ${field}`))
  } while (scanner.accept(","))
  scanner.expect("]", `or a comma in ${field}`)
  return values
}

/**
 * Bytes that a tensor takes, or null when its shape has no whole number of bytes or overflows 64 bits. Products are
 * checked at every step, as upstream does, so that a zero at the end cannot hide an overflow before it.
 */
export function tensorBytes(dtype: Dtype, shape: readonly number[]): number | null {
  let bits = 1n
  for (const size of shape) {
    bits *= BigInt(size)
    if (bits > MAX_U64) return null
  }
  bits *= BigInt(DTYPE_BITS[dtype])
  return bits > MAX_U64 || bits % 8n !== 0n ? null : Number(bits / 8n)
}

function inDataOrder(
  tensors: ReadonlyMap<string, TensorInfo>,
  fileSize: number,
  dataStart: number,
  label: string,
): ReadonlyMap<string, TensorInfo> {
  const ordered = [...tensors.values()]
  // Every known writer lists tensors in the order of their data, so the sort and the second map are seldom needed.
  const inOrder = ordered.every((info, i) => i === 0 || compareByData(ordered[i - 1] ?? info, info) <= 0)
  if (!inOrder) ordered.sort(compareByData)
  let reached = dataStart
  for (const { name, start, end } of ordered) {
    if (start !== reached) {
      const what = `the data begins at byte ${start} of the file, expected byte ${reached}`
      const place = { source: label, tensor: name, offset: start }
      throw start < reached
        ? new FormatError("offset-overlap", `${what}: it overlaps another tensor's`, place)
        : new FormatError("offset-hole", `${what}: bytes that belong to no tensor are not allowed`, place)
    }
    reached = end
  }
  if (reached !== fileSize) {
    const extra = `${fileSize - reached} bytes follow the last tensor; a safetensors file ends with its data`
    throw new FormatError("data-trailing", `${extra}. Was something appended to it?`, {
      source: label,
      offset: reached,
    })
  }
  return inOrder ? tensors : new Map(ordered.map((info) => [info.name, info]))
}

function compareByData(a: TensorInfo, b: TensorInfo): number {
  return a.start - b.start || a.end - b.end
}
