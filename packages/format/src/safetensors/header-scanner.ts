import type { FormatErrorCode } from "../errors.ts"
import { FormatError, show } from "../errors.ts"

const QUOTE = 0x22
const BACKSLASH = 0x5c
const ZERO = 0x30
const NINE = 0x39

/**
 * Reads the JSON of a safetensors header token by token, straight from the bytes.
 *
 * `JSON.parse` cannot be used on a header: it keeps the last of duplicate keys, takes 2.0, 2e0 and -0 for integers,
 * rounds integers above 2^53, lets lone surrogates through, and makes `__proto__` special. A header needs no nesting
 * beyond what its grammar names, so there is no recursion to overflow either.
 */
export class HeaderScanner {
  readonly #bytes: Uint8Array
  readonly #fileOffset: number
  readonly #label: string
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  #at = 0
  /** Name of the tensor being read, for errors. */
  tensor: string | undefined

  /** @param fileOffset where `bytes` begin in the file, so that errors name positions in the file */
  constructor(bytes: Uint8Array, fileOffset: number, label: string) {
    this.#bytes = bytes
    this.#fileOffset = fileOffset
    this.#label = label
  }

  /** Position in the file of the next token. */
  get offset(): number {
    this.#skipWhitespace()
    return this.#fileOffset + this.#at
  }

  /** Whether the next token is this punctuation mark or word. */
  isNext(token: string): boolean {
    this.#skipWhitespace()
    for (let i = 0; i < token.length; i++) {
      if (this.#bytes[this.#at + i] !== token.charCodeAt(i)) return false
    }
    return true
  }

  /** Takes the next token if it is this punctuation mark or word. */
  accept(token: string): boolean {
    if (!this.isNext(token)) return false
    this.#at += token.length
    return true
  }

  /** Takes this punctuation mark or refuses the header. */
  expect(token: string, place: string): void {
    if (this.accept(token)) return
    throw this.error("header-syntax", `expected ${show(token)} ${place}, found ${this.#found()}`)
  }

  /** Refuses anything but whitespace up to the end. */
  expectEnd(): void {
    this.#skipWhitespace()
    if (this.#at === this.#bytes.length) return
    throw this.error("header-syntax", `expected nothing after the header's closing "}", found ${this.#found()}`)
  }

  /** A string, escapes undone. */
  string(what: string): string {
    this.#skipWhitespace()
    if (this.#bytes[this.#at] !== QUOTE) {
      throw this.error("header-syntax", `expected a string as ${what}, found ${this.#found()}`)
    }
    this.#at++
    let text = ""
    let runStart = this.#at
    for (;;) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) throw this.error("header-syntax", `the header ends inside ${what}`)
      if (byte < 0x20) {
        throw this.error("header-string", `control character 0x${hex(byte, 2)} inside ${what}; JSON wants it escaped`)
      }
      if (byte === QUOTE) {
        text += this.#decode(runStart, this.#at, what)
        this.#at++
        return text
      }
      if (byte === BACKSLASH) {
        text += this.#decode(runStart, this.#at, what)
        text += this.#escape(what)
        runStart = this.#at
      } else {
        this.#at++
      }
    }
  }

  /** An unsigned integer of at most 2^53 - 1, written without sign, fraction, exponent or leading zero. */
  unsigned(what: string): number {
    this.#skipWhitespace()
    const start = this.#at
    let value = 0
    while (isDigit(this.#bytes[this.#at])) {
      value = value * 10 + ((this.#bytes[this.#at] as number) - ZERO)
      this.#at++
    }
    const next = this.#bytes[this.#at]
    const written = (): string => this.#numberText(start)
    if (this.#at === start && next !== 0x2d) {
      throw this.error("header-syntax", `expected a whole number as ${what}, found ${this.#found()}`)
    }
    // "-", ".", "e" and "E" would make a JSON number, but not an unsigned integer.
    if (this.#at === start || next === 0x2e || next === 0x65 || next === 0x45) {
      throw this.#errorAt(start, "header-number", `${what} is ${written()}, expected a whole number in plain digits`)
    }
    if (this.#at - start > 1 && this.#bytes[start] === ZERO) {
      throw this.#errorAt(start, "header-number", `${what} is ${written()}, expected a number without leading zeros`)
    }
    if (value > Number.MAX_SAFE_INTEGER) {
      throw this.#errorAt(start, "header-number", `${what} is ${written()}, more than 2^53 - 1, which no file can need`)
    }
    return value
  }

  /** An error about the tensor being read, at a file position (the current one if not given). */
  error(code: FormatErrorCode, message: string, offset = this.#fileOffset + this.#at, cause?: unknown): FormatError {
    const { tensor } = this
    const place = { source: this.#label, offset, ...(tensor === undefined ? {} : { tensor }) }
    return new FormatError(code, message, cause === undefined ? place : { ...place, cause })
  }

  #errorAt(at: number, code: FormatErrorCode, message: string, cause?: unknown): FormatError {
    return this.error(code, message, this.#fileOffset + at, cause)
  }

  #skipWhitespace(): void {
    for (;;) {
      const byte = this.#bytes[this.#at]
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return
      this.#at++
    }
  }

  #decode(start: number, end: number, what: string): string {
    // Names are many and nearly always short ASCII; a TextDecoder call each would dominate the time.
    if (end - start <= 128) {
      let text = ""
      for (let i = start; i < end; i++) {
        const byte = this.#bytes[i] as number
        if (byte >= 0x80) return this.#decodeUtf8(start, end, what)
        text += String.fromCharCode(byte)
      }
      return text
    }
    return this.#decodeUtf8(start, end, what)
  }

  #decodeUtf8(start: number, end: number, what: string): string {
    try {
      return this.#utf8.decode(this.#bytes.subarray(start, end))
    } catch (cause) {
      throw this.#errorAt(start, "header-utf8", `${what} is not valid UTF-8`, cause)
    }
  }

  #escape(what: string): string {
    const start = this.#at
    const kind = this.#bytes[start + 1]
    this.#at += 2
    switch (kind) {
      case QUOTE:
        return '"'
      case BACKSLASH:
        return "\\"
      case 0x2f:
        return "/"
      case 0x62:
        return "\b"
      case 0x66:
        return "\f"
      case 0x6e:
        return "\n"
      case 0x72:
        return "\r"
      case 0x74:
        return "\t"
      case 0x75:
        return this.#unicodeEscape(start, what)
      default:
        throw this.#errorAt(start, "header-string", `${what} has an escape that JSON does not have`)
    }
  }

  #unicodeEscape(start: number, what: string): string {
    const unit = this.#hexUnit(start, what)
    if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit)
    if (unit <= 0xdbff && this.#bytes[this.#at] === BACKSLASH && this.#bytes[this.#at + 1] === 0x75) {
      this.#at += 2
      const low = this.#hexUnit(start, what)
      if (low >= 0xdc00 && low <= 0xdfff) return String.fromCharCode(unit, low)
    }
    throw this.#errorAt(start, "header-string", `${what} has half of a surrogate pair (\\u${hex(unit, 4)}) alone`)
  }

  #hexUnit(start: number, what: string): number {
    let unit = 0
    for (let i = 0; i < 4; i++) {
      const digit = hexDigit(this.#bytes[this.#at])
      if (digit === undefined) {
        throw this.#errorAt(start, "header-string", `${what} has a \\u escape without four hexadecimal digits`)
      }
      unit = unit * 16 + digit
      this.#at++
    }
    return unit
  }

  #numberText(start: number): string {
    let end = start
    while (end < start + 40 && isNumberByte(this.#bytes[end])) end++
    return String.fromCharCode(...this.#bytes.subarray(start, end))
  }

  #found(): string {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) return "the end of the header"
    return byte > 0x20 && byte < 0x7f ? show(String.fromCharCode(byte)) : `byte 0x${hex(byte, 2)}`
  }
}

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
