import type { FormatErrorCode } from "../errors.ts"
import { FormatError, show } from "../errors.ts"
import { decodeUtf8, invalidUtf8At, writeUtf8 } from "./utf8.ts"

const QUOTE = 0x22
const BACKSLASH = 0x5c
const ZERO = 0x30
const NINE = 0x39

/** Thrown when a token continues after the current bytes. The reader of the bytes catches it and reads more. */
export const NEED_MORE = Symbol("the token goes on behind the window")

/**
 * Reads the JSON of a safetensors header token by token, directly from the bytes, through a moving window.
 *
 * `JSON.parse` is not safe for a header. It keeps the last of duplicate keys and accepts 2.0, 2e0 and -0 as integers.
 * It rounds integers above 2^53, accepts lone surrogates, and treats `__proto__` specially. It also makes an object of
 * every value, and 100 MB of header can need a gigabyte of objects. The depth of a header is fixed, so there is no
 * recursion that could overflow.
 */
export class HeaderScanner {
  #bytes: Uint8Array = new Uint8Array(0)
  #windowStart = 0
  #isLast = false
  #at = 0
  #kept = 0
  readonly #label: string
  readonly #tensor: () => string | undefined
  /** The last string read, as UTF-8 with its escapes undone: these bytes of this array, until the window moves. */
  text: Uint8Array = this.#bytes
  textStart = 0
  textEnd = 0

  /** @param tensor gives the name of the tensor being read, for errors */
  constructor(label: string, tensor: () => string | undefined) {
    this.#label = label
    this.#tensor = tensor
  }

  /**
   * Sets the scanner's window.
   *
   * @param windowStart where `bytes` begin in the file; {@link keptOffset} says what the first has to be
   * @param isLast whether the header ends with these bytes
   */
  moveWindow(bytes: Uint8Array, windowStart: number, isLast: boolean): void {
    this.#at = this.#kept - windowStart
    this.#bytes = bytes
    this.#windowStart = windowStart
    this.#isLast = isLast
  }

  /** Releases everything before the next token. A later {@link NEED_MORE} goes back to here and no further. */
  keep(): void {
    this.#kept = this.#windowStart + this.#at
    this.#skipWhitespace()
  }

  /** Position in the file of the first byte that is still needed. */
  get keptOffset(): number {
    return this.#kept
  }

  set keptOffset(offset: number) {
    this.#kept = offset
  }

  /** Position in the file of the next token. */
  get offset(): number {
    this.#skipWhitespace()
    return this.#windowStart + this.#at
  }

  /** Whether the next byte is this punctuation mark. */
  isNext(mark: number): boolean {
    this.#skipWhitespace()
    return this.#bytes[this.#at] === mark
  }

  /** Takes the next byte if it is this punctuation mark. */
  accept(mark: number): boolean {
    if (!this.isNext(mark)) return false
    this.#at++
    return true
  }

  /** Takes the word `null` if it is next. */
  acceptNull(): boolean {
    if (!this.isNext(0x6e)) return false
    if (this.#at + 4 > this.#bytes.length && !this.#isLast) throw NEED_MORE
    const word = decodeUtf8(this.#bytes, this.#at, this.#at + 4) === "null"
    if (word) this.#at += 4
    return word
  }

  /** Takes this punctuation mark or refuses the header. */
  expect(mark: number, place: string): void {
    if (this.accept(mark)) return
    throw this.error("header-syntax", `expected ${show(String.fromCharCode(mark))} ${place}, found ${this.#found()}`)
  }

  /** Refuses anything but whitespace up to the end. */
  expectEnd(): void {
    this.#skipWhitespace()
    if (this.#at === this.#bytes.length) return
    throw this.error("header-syntax", `expected nothing after the header's closing "}", found ${this.#found()}`)
  }

  /** Reads a string into `text`, `textStart` and `textEnd`. */
  string(what: string): void {
    this.#skipWhitespace()
    const bytes = this.#bytes
    if (bytes[this.#at] !== QUOTE) {
      throw this.error("header-syntax", `expected a string as ${what}, found ${this.#found()}`)
    }
    const start = this.#at + 1
    let end = start
    let seen = 0
    let escaped = false
    for (;;) {
      const byte = bytes[end]
      if (byte === undefined) {
        if (!this.#isLast) throw NEED_MORE
        this.#at = bytes.length
        const code = escaped && end > bytes.length ? "header-string" : "header-syntax"
        throw this.error(code, `the header ends inside ${what}`)
      }
      if (byte === QUOTE) break
      if (byte === BACKSLASH) {
        escaped = true
        end += 2
        continue
      }
      if (byte < 0x20) {
        const problem = `control character 0x${hex(byte, 2)} inside ${what}; JSON wants it escaped`
        throw this.#errorAt(end, "header-string", problem)
      }
      seen |= byte
      end++
    }
    if (seen >= 0x80) {
      const bad = invalidUtf8At(bytes, start, end)
      if (bad >= 0) throw this.#errorAt(bad, "header-utf8", `${what} is not valid UTF-8`)
    }
    if (escaped) {
      this.#unescape(start, end, what)
    } else {
      this.text = bytes
      this.textStart = start
      this.textEnd = end
    }
    this.#at = end + 1
  }

  /** Which of these ASCII texts the last string read is, or -1. */
  textAmong(texts: readonly string[]): number {
    const length = this.textEnd - this.textStart
    next: for (let i = 0; i < texts.length; i++) {
      const text = texts[i] as string
      if (text.length !== length) continue
      for (let j = 0; j < length; j++) if (this.text[this.textStart + j] !== text.charCodeAt(j)) continue next
      return i
    }
    return -1
  }

  /** The last string read, as a string. */
  textString(): string {
    return decodeUtf8(this.text, this.textStart, this.textEnd)
  }

  /** An unsigned integer of at most 2^53 - 1, written without sign, fraction, exponent or leading zero. */
  unsigned(what: string): number {
    this.#skipWhitespace()
    const bytes = this.#bytes
    const start = this.#at
    let at = start
    let value = 0
    while (isDigit(bytes[at])) {
      value = value * 10 + ((bytes[at] as number) - ZERO)
      at++
    }
    if (at === bytes.length && !this.#isLast) throw NEED_MORE
    this.#at = at
    const next = bytes[at]
    if (at === start && next !== 0x2d) {
      throw this.error("header-syntax", `expected a whole number as ${what}, found ${this.#found()}`)
    }
    // "-", ".", "e" and "E" would make a JSON number, but not an unsigned integer.
    if (at === start || next === 0x2e || next === 0x65 || next === 0x45) {
      throw this.#numberError(start, what, "expected a whole number in plain digits")
    }
    if (at - start > 1 && bytes[start] === ZERO) {
      throw this.#numberError(start, what, "expected a number without leading zeros")
    }
    if (value > Number.MAX_SAFE_INTEGER) {
      throw this.#numberError(start, what, "more than 2^53 - 1, which no file can need")
    }
    return value
  }

  /** An error about the tensor being read, at a file position (the current one if not given). */
  error(code: FormatErrorCode, message: string, offset = this.#windowStart + this.#at): FormatError {
    const tensor = this.#tensor()
    return new FormatError(code, message, { source: this.#label, offset, ...(tensor === undefined ? {} : { tensor }) })
  }

  #errorAt(at: number, code: FormatErrorCode, message: string): FormatError {
    return this.error(code, message, this.#windowStart + at)
  }

  #skipWhitespace(): void {
    const bytes = this.#bytes
    let at = this.#at
    for (;;) {
      const byte = bytes[at]
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break
      at++
    }
    // Whitespace before an entry's first token is released even if the token is not in the window yet.
    if (this.#windowStart + this.#at === this.#kept) this.#kept = this.#windowStart + at
    this.#at = at
    if (at === bytes.length && !this.#isLast) throw NEED_MORE
  }

  /** Undoes the escapes of a string whose UTF-8 is known to be valid. */
  #unescape(start: number, end: number, what: string): void {
    const bytes = this.#bytes
    const out = new Uint8Array(end - start)
    let length = 0
    let at = start
    while (at < end) {
      const byte = bytes[at] as number
      if (byte !== BACKSLASH) {
        out[length++] = byte
        at++
        continue
      }
      const kind = bytes[at + 1]
      if (kind === 0x75) {
        const codePoint = this.#unicodeEscape(at, what)
        length = writeUtf8(codePoint, out, length)
        at += codePoint > 0xffff ? 12 : 6
        continue
      }
      const meant = ESCAPES.get(kind as number)
      if (meant === undefined) {
        throw this.#errorAt(at, "header-string", `${what} has an escape that JSON does not have`)
      }
      out[length++] = meant
      at += 2
    }
    this.text = out
    this.textStart = 0
    this.textEnd = length
  }

  #unicodeEscape(at: number, what: string): number {
    const unit = this.#hexUnit(at, at + 2, what)
    if (unit < 0xd800 || unit > 0xdfff) return unit
    if (unit <= 0xdbff && this.#bytes[at + 6] === BACKSLASH && this.#bytes[at + 7] === 0x75) {
      const low = this.#hexUnit(at, at + 8, what)
      if (low >= 0xdc00 && low <= 0xdfff) return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
    }
    throw this.#errorAt(at, "header-string", `${what} has half of a surrogate pair (\\u${hex(unit, 4)}) alone`)
  }

  #hexUnit(escapeAt: number, at: number, what: string): number {
    let unit = 0
    for (let i = 0; i < 4; i++) {
      const digit = hexDigit(this.#bytes[at + i])
      if (digit === undefined) {
        throw this.#errorAt(escapeAt, "header-string", `${what} has a \\u escape without four hexadecimal digits`)
      }
      unit = unit * 16 + digit
    }
    return unit
  }

  #numberError(start: number, what: string, problem: string): FormatError {
    let end = start
    while (end < start + 40 && isNumberByte(this.#bytes[end])) end++
    if (end === this.#bytes.length && !this.#isLast) throw NEED_MORE
    const written = String.fromCharCode(...this.#bytes.subarray(start, end))
    return this.#errorAt(start, "header-number", `${what} is ${written}, ${problem}`)
  }

  #found(): string {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) return "the end of the header"
    return byte > 0x20 && byte < 0x7f ? show(String.fromCharCode(byte)) : `byte 0x${hex(byte, 2)}`
  }
}

/** The byte after a backslash, and the byte that both stand for. */
const ESCAPES: ReadonlyMap<number, number> = new Map([
  [QUOTE, QUOTE],
  [BACKSLASH, BACKSLASH],
  [0x2f, 0x2f],
  [0x62, 0x08],
  [0x66, 0x0c],
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
])

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE
}

function isNumberByte(byte: number | undefined): boolean {
  return isDigit(byte) || byte === 0x2d || byte === 0x2b || byte === 0x2e || byte === 0x65 || byte === 0x45
}

function hexDigit(byte: number | undefined): number | undefined {
  if (byte === undefined) return undefined
  if (byte >= ZERO && byte <= NINE) return byte - ZERO
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : undefined
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0")
}
