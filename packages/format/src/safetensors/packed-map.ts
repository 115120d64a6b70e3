import { decodeUtf8 } from "./utf8.ts"

/*
 * A header of 100 MB can name 1.8 million tensors. As a Map of objects they take 430 MB. Here they stay bytes, about as
 * many as the header has. A lookup makes an object of one record.
 *
 * A record: the next record of the same hash (u32), the name's length (varint), the name as UTF-8, then the codec's bytes. Records lie in pages and never move; a record's pointer is its page's number times PAGE plus its place.
 */
const PAGE = 2 ** 20
const LINK_BYTES = 4
/** No record begins at 0: the first page leaves its first byte free. */
const NO_RECORD = 0

/** Reads and writes a record's numbers. */
export interface Cursor {
  bytes: Uint8Array
  at: number
}

/** How a value of a {@link PackedMap} is read back from its record. */
export type Decode<V> = (cursor: Cursor, name: string) => V

/** A read-only map from names to values, kept as bytes. Values are made anew whenever they are asked for. */
export class PackedMap<V> implements ReadonlyMap<string, V> {
  readonly #decode: Decode<V>
  readonly #heads: Uint32Array
  readonly #hashKey = Uint32Array.from([0, 0], () => Math.random() * 2 ** 32)
  #pages: Uint8Array[] = []
  #pageBytes = 0
  #page = -1
  #pageAt = 1
  #pointers: Uint32Array = new Uint32Array(16)
  #size = 0
  readonly #cursor: Cursor = { bytes: new Uint8Array(0), at: 0 }

  /** @param mostEntries how many entries may come; only sets aside the table that names are found by */
  constructor(decode: Decode<V>, mostEntries: number) {
    this.#decode = decode
    // A chain has at most two links on average when everything came that could; where millions came, about three.
    const heads = 2 ** Math.ceil(Math.log2(Math.max(16, mostEntries / 2)))
    this.#heads = new Uint32Array(Math.min(heads, 2 ** 20))
  }

  get size(): number {
    return this.#size
  }

  /** Bytes that the entries take. */
  get byteLength(): number {
    return this.#pageBytes + this.#pointers.byteLength
  }

  /** Where a name, given as UTF-8, is looked for and added. */
  slot(bytes: Uint8Array, start: number, end: number): number {
    return keyedHash(bytes, start, end, this.#hashKey) & (this.#heads.length - 1)
  }

  /** Adds an entry with a name that is not in its slot yet; its value is what `encode` puts at the cursor. */
  add(
    slot: number,
    name: Uint8Array,
    nameStart: number,
    nameEnd: number,
    valueBytes: number,
    encode: (cursor: Cursor) => void,
  ): void {
    const nameBytes = nameEnd - nameStart
    const pointer = this.#reserve(LINK_BYTES + varintBytes(nameBytes) + nameBytes + valueBytes)
    const cursor = this.#open(pointer)
    writeU32(cursor, this.#heads[slot] as number)
    this.#heads[slot] = pointer
    writeVarint(cursor, nameBytes)
    copy(name, nameStart, nameEnd, cursor)
    encode(cursor)
    if (this.#size === this.#pointers.length) {
      const more = new Uint32Array(Math.ceil(this.#size * 1.5))
      more.set(this.#pointers)
      this.#pointers = more
    }
    this.#pointers[this.#size++] = pointer
  }

  /** Whether there is an entry of this name in its slot. */
  hasBytes(slot: number, name: Uint8Array, start: number, end: number): boolean {
    return this.#find(slot, name, start, end) !== NO_RECORD
  }

  has(name: string): boolean {
    return this.#findText(name) !== NO_RECORD
  }

  get(name: string): V | undefined {
    const pointer = this.#findText(name)
    if (pointer === NO_RECORD) return undefined
    const cursor = this.#cursor
    this.#openValue(pointer, cursor)
    return this.#decode(cursor, name)
  }

  *keys(): MapIterator<string> {
    for (let i = 0; i < this.#size; i++) yield this.#nameAt(i)
  }

  *values(): MapIterator<V> {
    for (let i = 0; i < this.#size; i++) yield this.#entryAt(i)[1]
  }

  *entries(): MapIterator<[string, V]> {
    for (let i = 0; i < this.#size; i++) yield this.#entryAt(i)
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries()
  }

  forEach(callback: (value: V, name: string, map: ReadonlyMap<string, V>) => void, thisArg?: unknown): void {
    for (const [name, value] of this) callback.call(thisArg, value, name, this)
  }

  /** Puts the entries in order. `compare` gets the records' places behind the names, in two cursors. */
  sort(compare: (a: Cursor, b: Cursor) => number): void {
    const a: Cursor = { bytes: this.#cursor.bytes, at: 0 }
    const b: Cursor = { bytes: this.#cursor.bytes, at: 0 }
    this.#pointers = mergeSort(this.#pointers, this.#size, (left, right) => {
      this.#openValue(left, a)
      this.#openValue(right, b)
      return compare(a, b)
    })
  }

  #entryAt(index: number): [string, V] {
    const name = this.#nameAt(index)
    return [name, this.#decode(this.#cursor, name)]
  }

  /** The name of an entry; the cursor stands at its value then. */
  #nameAt(index: number): string {
    const cursor = this.#open(this.#pointers[index] as number)
    cursor.at += LINK_BYTES
    return readText(cursor)
  }

  #openValue(pointer: number, cursor: Cursor): void {
    cursor.bytes = this.#pages[Math.floor(pointer / PAGE)] as Uint8Array
    cursor.at = (pointer % PAGE) + LINK_BYTES
    const length = readVarint(cursor)
    cursor.at += length
  }

  #open(pointer: number): Cursor {
    const cursor = this.#cursor
    cursor.bytes = this.#pages[Math.floor(pointer / PAGE)] as Uint8Array
    cursor.at = pointer % PAGE
    return cursor
  }

  /** Room for a record. One that is large for a page gets its own, so that little is left over at a page's end. */
  #reserve(bytes: number): number {
    if (bytes > PAGE / 8) {
      this.#addPage(bytes + 1)
      return (this.#pages.length - 1) * PAGE + 1
    }
    const page = this.#pages[this.#page]
    if (page === undefined || this.#pageAt + bytes > page.length) {
      // Small headers get small pages.
      this.#addPage(Math.min(PAGE, Math.max(4096, this.#pageBytes, bytes + 1)))
      this.#page = this.#pages.length - 1
      this.#pageAt = 1
    }
    const pointer = this.#page * PAGE + this.#pageAt
    this.#pageAt += bytes
    return pointer
  }

  #addPage(bytes: number): void {
    this.#pages.push(new Uint8Array(bytes))
    this.#pageBytes += bytes
  }

  #findText(name: string): number {
    const bytes = new TextEncoder().encode(name)
    // Half of a surrogate pair alone becomes U+FFFD in UTF-8, and would be found under that name.
    return /\p{Surrogate}/u.test(name)
      ? NO_RECORD
      : this.#find(this.slot(bytes, 0, bytes.length), bytes, 0, bytes.length)
  }

  #find(slot: number, name: Uint8Array, start: number, end: number): number {
    let pointer = this.#heads[slot] as number
    while (pointer !== NO_RECORD) {
      const cursor = this.#open(pointer)
      const next = readU32(cursor)
      const length = readVarint(cursor)
      if (length === end - start && same(cursor.bytes, cursor.at, name, start, length)) return pointer
      pointer = next
    }
    return NO_RECORD
  }
}

/** Writes a whole number from 0 to 2^53 - 1, seven bits a byte. */
export function writeVarint(cursor: Cursor, value: number): void {
  let rest = value
  while (rest >= 0x80) {
    cursor.bytes[cursor.at++] = 0x80 | (rest % 0x80)
    rest = Math.floor(rest / 0x80)
  }
  cursor.bytes[cursor.at++] = rest
}

export function readVarint(cursor: Cursor): number {
  let value = 0
  let scale = 1
  for (;;) {
    const byte = cursor.bytes[cursor.at++] as number
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return value
    scale *= 0x80
  }
}

/** Bytes that {@link writeVarint} takes. */
export function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++
  return bytes
}

/** Writes text that is UTF-8 already, its length before it. */
export function writeText(cursor: Cursor, bytes: Uint8Array, start: number, end: number): void {
  writeVarint(cursor, end - start)
  copy(bytes, start, end, cursor)
}

export function readText(cursor: Cursor): string {
  const length = readVarint(cursor)
  const { bytes, at } = cursor
  cursor.at += length
  return decodeUtf8(bytes, at, cursor.at)
}

function copy(from: Uint8Array, start: number, end: number, cursor: Cursor): void {
  if (end - start > 32) cursor.bytes.set(from.subarray(start, end), cursor.at)
  else for (let i = start; i < end; i++) cursor.bytes[cursor.at + i - start] = from[i] as number
  cursor.at += end - start
}

function same(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aStart + i] !== b[bStart + i]) return false
  return true
}

function writeU32(cursor: Cursor, value: number): void {
  for (let i = 0; i < 4; i++) cursor.bytes[cursor.at++] = value >>> (8 * i)
}

function readU32(cursor: Cursor): number {
  let value = 0
  for (let i = 0; i < 4; i++) value += (cursor.bytes[cursor.at++] as number) * 2 ** (8 * i)
  return value
}

/** Sorts the first `count` numbers; equal ones keep their order. */
function mergeSort(values: Uint32Array, count: number, compare: (a: number, b: number) => number): Uint32Array {
  let from = values
  let to: Uint32Array = new Uint32Array(count)
  for (let width = 1; width < count; width *= 2) {
    for (let start = 0; start < count; start += 2 * width) {
      const middle = Math.min(start + width, count)
      const end = Math.min(start + 2 * width, count)
      let left = start
      let right = middle
      for (let i = start; i < end; i++) {
        const takeLeft = left < middle && (right === end || compare(from[left] as number, from[right] as number) <= 0)
        to[i] = (takeLeft ? from[left++] : from[right++]) as number
      }
    }
    const merged = from
    from = to
    to = merged
  }
  return from
}

/**
 * HalfSipHash-1-3 of some bytes. The key is drawn anew for every map. Without it, a hostile file could have a million
 * names of one hash, and looking each of them up would take hours. The author of a file cannot know what Math.random
 * will give. It is available at once; in Node, WebCrypto takes 10 ms to load.
 * Source: https://github.com/veorq/SipHash, `halfsiphash.c`.
 */
function keyedHash(bytes: Uint8Array, start: number, end: number, key: Uint32Array): number {
  const k0 = key[0] as number
  const k1 = key[1] as number
  let v0 = k0 | 0
  let v1 = k1 | 0
  let v2 = k0 ^ 0x6c796765
  let v3 = k1 ^ 0x74656462
  const length = end - start
  const whole = start + (length & ~3)
  for (let at = start, round = 0; round < 4; ) {
    // The words, then the word with the length and the bytes left over, then three rounds to finish.
    let word = 0
    if (at < whole) {
      word =
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24)
      at += 4
    } else if (round === 0) {
      word = length << 24
      for (let i = whole; i < end; i++) word |= (bytes[i] as number) << (8 * (i - whole))
      round = 1
    } else {
      if (round === 1) v2 ^= 0xff
      round++
    }
    v3 ^= word
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= word
  }
  return (v1 ^ v3) >>> 0
}
