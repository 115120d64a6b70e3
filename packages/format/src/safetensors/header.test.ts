import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fuzzRuns } from "../../test/fuzz-runs.ts"
import { HOSTILE_FILES, HOSTILE_PAIRS } from "../../test/hostile-corpus.ts"
import { rawFile } from "../../test/raw-file.ts"
import { FormatError } from "../errors.ts"
import { DTYPE_BITS } from "./dtype.ts"
import { parseHeader, parseHeaderLength } from "./header.ts"
import { MAX_RANK, tensorBytes } from "./header-rules.ts"

function parse(file: Uint8Array): ReturnType<typeof parseHeader> {
  const length = parseHeaderLength(file, file.byteLength, "test")
  return parseHeader(file.subarray(8, 8 + length), file.byteLength, "test")
}

function refusal(action: () => unknown): FormatError {
  try {
    action()
  } catch (error) {
    if (error instanceof FormatError) return error
    throw error
  }
  throw new Error("nothing was refused")
}

describe("parseHeader refuses", () => {
  for (const { rule, bytes, code, tensor } of [...HOSTILE_FILES, ...HOSTILE_PAIRS]) {
    it(rule, () => {
      const error = refusal(() => parse(bytes))
      expect({ code: error.code, tensor: error.tensor }).toEqual({ code, tensor })
      expect(error.source).toBe("test")
      if (code !== "file-too-short") {
        expect(error.offset).toBeGreaterThanOrEqual(0)
        expect(error.offset).toBeLessThanOrEqual(bytes.byteLength)
      }
    })
  }
})

describe("parseHeader takes", () => {
  const scalar = '{"dtype":"F32","shape":[],"data_offsets":[0,4]}'
  const legal: [string, Uint8Array][] = [
    ["a header without tensors", rawFile("{}")],
    ["whitespace before, between and after", rawFile(` \t\r\n{ "t" : ${scalar.replaceAll(",", " , ")} } \n`, 4)],
    ["a scalar", rawFile(`{"t":${scalar}}`, 4)],
    ["a tensor without elements", rawFile('{"t":{"dtype":"F32","shape":[2,0,3],"data_offsets":[0,0]}}')],
    ["fields in another order", rawFile('{"t":{"data_offsets":[0,4],"shape":[],"dtype":"F32"}}', 4)],
    ["null as metadata", rawFile('{"__metadata__":null}')],
    ["metadata after tensors", rawFile(`{"t":${scalar},"__metadata__":{"k":""}}`, 4)],
    [
      "as many dimensions as allowed",
      rawFile(`{"t":{"dtype":"U8","shape":[${Array(MAX_RANK).fill(1)}],"data_offsets":[0,1]}}`, 1),
    ],
    ["an even number of 4-bit elements", rawFile('{"t":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}', 1)],
    ["an empty name", rawFile(`{"":${scalar}}`, 4)],
  ]
  for (const [what, file] of legal) {
    it(what, () => {
      expect(parse(file).dataStart).toBeLessThanOrEqual(file.byteLength)
    })
  }

  it("names that are special elsewhere", () => {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "a/b\\c", "\ufeffbom", "é😀", "\u2028"]
    const entries = names.map(
      (name, i) => `${JSON.stringify(name)}:{"dtype":"U8","shape":[1],"data_offsets":[${i},${i + 1}]}`,
    )
    const header = parse(rawFile(`{${entries.join(",")}}`, names.length))
    expect([...header.tensors.keys()]).toEqual(names)
  })

  it("escapes, undone", () => {
    const header = parse(rawFile('{"__metadata__":{"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00":"\\u0000"}}'))
    expect([...header.metadata]).toEqual([['"\\/\b\f\n\r\té😀', "\0"]])
  })

  it("every dtype of the specification", () => {
    const names = Object.keys(DTYPE_BITS)
    expect(names).toHaveLength(22)
    let end = 0
    const entries = names.map((dtype) => {
      const start = end
      end += (8 * DTYPE_BITS[dtype as keyof typeof DTYPE_BITS]) / 8
      return `"${dtype}":{"dtype":"${dtype}","shape":[8],"data_offsets":[${start},${end}]}`
    })
    expect([...parse(rawFile(`{${entries.join(",")}}`, end)).tensors.values()].map(({ dtype }) => dtype)).toEqual(names)
  })
})

describe("parseHeader", () => {
  it("gives positions in the file and keeps the order of the data", () => {
    const header = parse(
      rawFile(
        '{"late":{"dtype":"U8","shape":[3],"data_offsets":[4,7]},"early":{"dtype":"F16","shape":[2,1],"data_offsets":[0,4]}}',
        7,
      ),
    )
    const { dataStart } = header
    expect([...header.tensors.values()]).toEqual([
      { name: "early", dtype: "F16", shape: [2, 1], start: dataStart, end: dataStart + 4 },
      { name: "late", dtype: "U8", shape: [3], start: dataStart + 4, end: dataStart + 7 },
    ])
  })

  it("points at the byte", () => {
    const text = '{"t":{"dtype":"F99","shape":[],"data_offsets":[0,0]}}'
    expect(refusal(() => parse(rawFile(text))).offset).toBe(8 + text.indexOf('"F99"'))
    const number = '{"t":{"dtype":"U8","shape":[2.5],"data_offsets":[0,0]}}'
    expect(refusal(() => parse(rawFile(number))).offset).toBe(8 + number.indexOf("2.5"))
  })

  it("says what was expected, what came and what to do", () => {
    const file = rawFile('{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', 4)
    expect(refusal(() => parse(file)).message).toMatch(
      /^"test", tensor "t", byte \d+: data_offsets end at 8, but the file has 4 bytes of data\. Is the download complete\?$/,
    )
  })

  it("keeps hostile names out of its messages' lines", () => {
    const name = `${"x".repeat(1000)}\u001b[31m\n`
    const error = refusal(() => parse(rawFile(`{${JSON.stringify(name)}:null}`)))
    expect(error.tensor).toBe(name)
    expect(error.message.length).toBeLessThan(400)
    expect(error.message).not.toContain("\n")
  })

  it("stops at the first tensor that claims more than there is", () => {
    const claim = (i: number): string => `"${i}":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}`
    // What follows is not even JSON, and is never reached.
    const entries = [...Array.from({ length: 100 }, (_, i) => claim(i)), "!"]
    const error = refusal(() => parse(rawFile(`{${entries.join(",")}}`, 10)))
    expect([error.code, error.tensor]).toEqual(["offset-overlap", "1"])
  })

  it("throws nothing but FormatError when bytes of a good header change", () => {
    const good = rawFile(
      '{"__metadata__":{"a":"b"},"t":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"s":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}',
      9,
    )
    const change = fc.record({ at: fc.nat(good.byteLength - 1), byte: fc.nat(255) })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const file = good.slice()
        for (const { at, byte } of changes) file[at] = byte
        expectTypedOutcome(file)
      }),
      { numRuns: fuzzRuns(5000) },
    )
  })

  it("takes nothing that JSON.parse refuses, and refuses with FormatError, on headers made of JSON's pieces", () => {
    const pieces = [
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"t"',
      '"dtype"',
      '"F32"',
      '"shape"',
      '"data_offsets"',
      "0",
      "4",
      "-",
      "1e3",
      '"\\u',
      "null",
      " ",
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 40 }), (parts) => {
        const text = parts.join("")
        if (expectTypedOutcome(rawFile(text, 4))) JSON.parse(text)
      }),
      { numRuns: fuzzRuns(5000) },
    )
  })

  it("reads the same metadata as JSON.parse", () => {
    const name = fc.string({ unit: "binary", maxLength: 6 })
    fc.assert(
      fc.property(
        fc.dictionary(name, name, { maxKeys: 5, noNullPrototype: true }),
        fc.boolean(),
        (metadata, spaced) => {
          const text = JSON.stringify({ __metadata__: metadata }, null, spaced ? 1 : 0)
          expect(new Map(parse(rawFile(text)).metadata)).toEqual(new Map(Object.entries(metadata)))
        },
      ),
    )
  })
})

describe("tensorBytes", () => {
  it("counts up to what a file can hold, and no further", () => {
    expect(tensorBytes("U8", [2 ** 24, 2 ** 25])).toBe(2 ** 49)
    expect(tensorBytes("U8", [2 ** 25, 2 ** 25])).toBeNull()
    expect(tensorBytes("U8", [0, 2 ** 52, 2 ** 52])).toBe(0)
    expect(tensorBytes("U8", [2 ** 52, 2 ** 52, 0])).toBeNull()
  })
})

/** Whether the file is taken; fails on any error but a FormatError. */
function expectTypedOutcome(file: Uint8Array): boolean {
  try {
    parse(file)
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError)
    return false
  }
}
