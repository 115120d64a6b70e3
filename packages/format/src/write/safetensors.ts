import { expectMap } from "../argument.ts"
import type { Bytes } from "../arrays.ts"
import { FormatError, show } from "../errors.ts"
import type { Dtype } from "../safetensors/dtype.ts"
import { DTYPE_BITS, isDtype } from "../safetensors/dtype.ts"
import {
  HEADER_LENGTH_BYTES,
  MAX_HEADER_BYTES,
  MAX_RANK,
  METADATA_KEY,
  tensorBytes,
} from "../safetensors/header-rules.ts"

// The specification lists dtypes from narrow to wide, and upstream's writer sorts by that list backwards.
const DTYPE_RANK = Object.fromEntries(Object.keys(DTYPE_BITS).map((dtype, rank) => [dtype, rank])) as Record<
  Dtype,
  number
>

/** A tensor to write, with its bytes: little-endian, row-major. */
export interface TensorBytes {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/**
 * A tensor to write whose bytes are made just before they are written. Only one tensor is in memory at a time, or one
 * piece of a tensor whose bytes come in pieces.
 */
export interface LazyTensorBytes {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly bytes: () => Uint8Array | Promise<Uint8Array> | AsyncIterable<Uint8Array>
}

/**
 * A safetensors file in memory, with the bytes of upstream's writer. Tensors are ordered by dtype, widest first, then
 * by name. Metadata keeps its order, which is random in upstream's writer. The header is padded with spaces to a
 * multiple of 8.
 *
 * @param metadata written if it is not undefined, even if it is empty
 * @throws FormatError `write-input` when a name, shape, dtype or length of bytes would not read back
 */
export function serializeSafetensors(
  tensors: ReadonlyMap<string, TensorBytes>,
  metadata?: ReadonlyMap<string, string>,
): Bytes {
  const plan = planFile(tensors, metadata)
  for (const { name, tensor } of plan.entries) checkLength(name, tensor, tensor.bytes.byteLength)
  const file = new Uint8Array(plan.size)
  file.set(plan.header)
  for (const { start, tensor } of plan.entries) file.set(tensor.bytes, start)
  return file
}

/**
 * The file of {@link serializeSafetensors} in pieces, in order: the header, then each tensor. The bytes of a tensor are
 * requested after the consumer has taken the piece before.
 *
 * @throws FormatError `write-input`
 */
export async function* safetensorsChunks(
  tensors: ReadonlyMap<string, LazyTensorBytes>,
  metadata?: ReadonlyMap<string, string>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const plan = planFile(tensors, metadata)
  yield plan.header
  for (const { name, tensor } of plan.entries) {
    const bytes = tensor.bytes()
    if (Symbol.asyncIterator in bytes) yield* checkedPieces(name, tensor, bytes)
    else {
      const whole = await bytes
      checkLength(name, tensor, whole.byteLength)
      yield whole
    }
  }
}

async function* checkedPieces(
  name: string,
  tensor: Pick<TensorBytes, "dtype" | "shape">,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const expected = tensorBytes(tensor.dtype, tensor.shape) ?? 0
  let received = 0
  for await (const piece of pieces) {
    received += piece.byteLength
    // An endless source is stopped after its first surplus byte.
    if (received > expected) break
    yield piece
  }
  checkLength(name, tensor, received)
}

/**
 * The size of the file in bytes, before any tensor is made.
 *
 * @throws FormatError `write-input`
 */
export function safetensorsSize(
  tensors: ReadonlyMap<string, Pick<TensorBytes, "dtype" | "shape">>,
  metadata?: ReadonlyMap<string, string>,
): number {
  return planFile(tensors, metadata).size
}

interface FilePlan<T> {
  readonly header: Uint8Array
  readonly entries: readonly { readonly name: string; readonly start: number; readonly tensor: T }[]
  readonly size: number
}

function planFile<T extends Pick<TensorBytes, "dtype" | "shape">>(
  tensors: ReadonlyMap<string, T>,
  metadata: ReadonlyMap<string, string> | undefined,
): FilePlan<T> {
  expectMap("tensors", tensors)
  const ordered = [...tensors].map(([name, tensor]) => ({ name, tensor, length: checkedLength(name, tensor) }))
  ordered.sort((a, b) => DTYPE_RANK[b.tensor.dtype] - DTYPE_RANK[a.tensor.dtype] || compareCodePoints(a.name, b.name))

  const members: string[] = []
  if (metadata !== undefined) members.push(`${JSON.stringify(METADATA_KEY)}:${metadataJson(metadata)}`)
  const places: { name: string; start: number; tensor: T }[] = []
  let end = 0
  for (const { name, tensor, length } of ordered) {
    const start = end
    end += length
    places.push({ name, start, tensor })
    const entry = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [start, end] }
    members.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`)
  }

  const json = new TextEncoder().encode(`{${members.join(",")}}`)
  const padded = Math.ceil(json.byteLength / 8) * 8
  if (padded > MAX_HEADER_BYTES) {
    const what = `the header would take ${padded} bytes, the format allows ${MAX_HEADER_BYTES}`
    throw new FormatError("write-input", `${what}. Write fewer tensors or shorter metadata.`)
  }
  const header = new Uint8Array(HEADER_LENGTH_BYTES + padded).fill(0x20)
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true)
  header.set(json, HEADER_LENGTH_BYTES)

  const entries = places.map((place) => ({ ...place, start: place.start + header.byteLength }))
  return { header, entries, size: header.byteLength + end }
}

function checkedLength(name: string, tensor: Pick<TensorBytes, "dtype" | "shape">): number {
  const refuse = (message: string): FormatError => new FormatError("write-input", message, { tensor: name })
  checkText(name, "the name")
  if (name === METADATA_KEY) throw refuse("the format keeps this name for metadata. Give the tensor another name.")
  if (!isDtype(tensor.dtype)) throw refuse(`unknown dtype ${show(String(tensor.dtype))}`)
  if (tensor.shape.length > MAX_RANK) throw refuse(`the shape has ${tensor.shape.length} sizes, at most ${MAX_RANK}`)
  for (const size of tensor.shape) {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw refuse(`the shape [${tensor.shape.join(", ")}] has the size ${size}, expected whole numbers from 0`)
    }
  }
  const length = tensorBytes(tensor.dtype, tensor.shape)
  if (length === null) {
    throw refuse(`${tensor.dtype} [${tensor.shape.join(", ")}] takes no whole number of bytes that a file can hold`)
  }
  return length
}

function checkLength(name: string, tensor: Pick<TensorBytes, "dtype" | "shape">, received: number): void {
  const expected = tensorBytes(tensor.dtype, tensor.shape)
  if (received === expected) return
  const what = `${tensor.dtype} [${tensor.shape.join(", ")}] takes ${expected} bytes`
  throw new FormatError("write-input", `${what}, but ${received} were given`, { tensor: name })
}

function metadataJson(metadata: ReadonlyMap<string, string>): string {
  expectMap("metadata", metadata)
  const members: string[] = []
  for (const [key, value] of metadata) {
    checkText(key, "a metadata key")
    checkText(value, `the metadata value of ${show(key)}`)
    members.push(`${JSON.stringify(key)}:${JSON.stringify(value)}`)
  }
  return `{${members.join(",")}}`
}

function checkText(text: string, what: string): void {
  if (typeof text !== "string") throw new FormatError("write-input", `${what} is not a string`)
  // In unicode mode a surrogate only matches when it has no partner; UTF-8 cannot hold such a string.
  if (/\p{Surrogate}/u.test(text)) {
    throw new FormatError("write-input", `${what} has half of a surrogate pair alone: ${show(text)}`)
  }
}

// Upstream compares names as UTF-8, which orders like code points; `<` on JS strings compares UTF-16 units.
function compareCodePoints(a: string, b: string): number {
  const left = a[Symbol.iterator]()
  const right = b[Symbol.iterator]()
  for (;;) {
    const x = left.next()
    const y = right.next()
    if (x.done || y.done) return (x.done ? 0 : 1) - (y.done ? 0 : 1)
    const difference = (x.value.codePointAt(0) as number) - (y.value.codePointAt(0) as number)
    if (difference !== 0) return difference
  }
}
