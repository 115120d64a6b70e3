import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fuzzRuns } from "../../test/fuzz-runs.ts"
import { FormatError } from "../errors.ts"
import { HeaderParser } from "./header-parser.ts"
import { HEADER_LENGTH_BYTES } from "./header-rules.ts"
import { readUsualHeader } from "./usual-header.ts"

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const tensor = (offsets: string, shape = "1", dtype = '"U8"'): string =>
  `{"dtype":${dtype},"shape":[${shape}],"data_offsets":[${offsets}]}`

function readStrictly(json: Uint8Array, fileSize: number): ReturnType<HeaderParser["finish"]> | FormatError {
  const parser = new HeaderParser(json.byteLength, fileSize, "f")
  try {
    parser.feed(json, HEADER_LENGTH_BYTES, true)
    return parser.finish()
  } catch (error) {
    if (error instanceof FormatError) return error
    throw error
  }
}

/** Header with the size of a file whose data has this many bytes. */
function sized(text: string, dataBytes: number): [json: Uint8Array, fileSize: number] {
  const json = encode(text)
  return [json, HEADER_LENGTH_BYTES + json.byteLength + dataBytes]
}

describe("readUsualHeader reads as the strict parser does", () => {
  it.each([
    ["no tensors", "{}", 0],
    ["spaces at the end", "{}      ", 0],
    ["tensors in the order of their data", `{"b":${tensor("0,1")},"a.c":${tensor("1,5", "2,2")}}`, 5],
    ["scalars and empty tensors", `{"a":${tensor("0,0", "0,3")},"b":${tensor("0,4", "", '"F32"')}}`, 4],
    ["metadata", `{"__metadata__":{"a":"1","__proto__":"{\\"b\\":2}"},"a":${tensor("0,1")}}`, 1],
    ["names of Object's prototype", `{"__proto__":${tensor("0,1")},"constructor":${tensor("1,2")}}`, 2],
  ])("%s", (_, text, dataBytes) => {
    const [json, fileSize] = sized(text, dataBytes)
    const header = readUsualHeader(json, fileSize)
    expect(header).toBeDefined()
    expect(header).toEqual(readStrictly(json, fileSize))
  })

  const unusual = [
    ["white space", `{ "a":${tensor("0,1")}}`],
    ["white space other than a space at the end", `{"a":${tensor("0,1")}}\n`],
    ["white space that JSON does not have at the end", `{"a":${tensor("0,1")}}\u00a0`],
    ["letters beyond ASCII", `{"ä":${tensor("0,1")}}`],
    ["half of a surrogate pair", `{"\\ud83d":${tensor("0,1")}}`],
    ["another spelling of a name", `{"\\u0061":${tensor("0,1")}}`],
    ["a name twice", `{"a":${tensor("0,0", "0")},"a":${tensor("0,1")}}`],
    ["a field twice", `{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}`],
    ["an unknown field", `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}`],
    ["a field too few", `{"a":{"dtype":"U8","shape":[1]}}`],
    ["names that are numbers, out of JavaScript's order", `{"b":${tensor("0,0", "0")},"1":${tensor("0,1")}}`],
    ["an order other than the data's", `{"b":${tensor("1,1", "0")},"a":${tensor("0,1")}}`],
    ["a fraction", `{"a":${tensor("0,1", "1.0")}}`],
    ["an exponent", `{"a":${tensor("0,1", "1e0")}}`],
    ["minus zero", `{"a":${tensor("-0,1")}}`],
    ["half a byte", `{"a":${tensor("0,1", "0.5,2")}}`],
    ["a negative size", `{"a":${tensor("0,1", "-1,-1")}}`],
    ["a size that is text", `{"a":${tensor("0,1", '"1"')}}`],
    ["a size that is true", `{"a":${tensor("0,1", "true")}}`],
    ["a list in a list", `{"a":${tensor("0,1", "[1]")}}`],
    ["offsets that are text", `{"a":${tensor('"0","1"')}}`],
    ["three offsets", `{"a":${tensor("0,1,1")}}`],
    ["a size beyond exact numbers", `{"a":${tensor("0,1", "9007199254740993,0")}}`],
    ["sizes whose product is", `{"a":${tensor("0,1", "9007199254740991,2,0")}}`],
    ["65 dimensions", `{"a":${tensor("0,1", Array(65).fill("1").join())}}`],
    ["a dtype in a list", `{"a":${tensor("0,1", "1", '["U8"]')}}`],
    ["a dtype that is an object", `{"a":${tensor("0,1", "1", '{"toString":1}')}}`],
    ["a dtype of Object's prototype", `{"a":${tensor("0,1", "1", '"constructor"')}}`],
    ["an entry that is null", '{"a":null}'],
    ["an entry that is a list", '{"a":["U8",[1],[0,1]]}'],
    ["metadata that is text", `{"__metadata__":"abc","a":${tensor("0,1")}}`],
    ["metadata that is a list", `{"__metadata__":["a"],"a":${tensor("0,1")}}`],
    ["metadata that is null", `{"__metadata__":null,"a":${tensor("0,1")}}`],
    ["metadata that is a number", `{"__metadata__":{"a":1},"a":${tensor("0,1")}}`],
    ["metadata twice", `{"__metadata__":{"a":"1"},"__metadata__":{},"a":${tensor("0,1")}}`],
    ["a list", "[]"],
    ["a string", '"a"'],
    ["null", "null"],
    ["nothing", ""],
    ["no JSON", `{"a":${tensor("0,1")}`],
    ["lists without end", "[".repeat(2 ** 20)],
    ["objects without end", `${'{"a":'.repeat(2 ** 17)}1${"}".repeat(2 ** 17)}`],
  ] as const
  it.each(unusual)("and leaves to it %s", (_, text) => {
    expect(readUsualHeader(...sized(text, 1))).toBeUndefined()
  })

  it("and leaves to it files with more data or less, and bytes that are not UTF-8", () => {
    const text = `{"a":${tensor("0,1")}}`
    for (const dataBytes of [0, 2]) expect(readUsualHeader(...sized(text, dataBytes))).toBeUndefined()
    const json = encode(text)
    json[2] = 0xff
    expect(readUsualHeader(json, HEADER_LENGTH_BYTES + json.byteLength + 1)).toBeUndefined()
  })

  it("and agrees with it after every change", () => {
    const text = `{"__metadata__":{"a":"1"},"a.b":${tensor("0,4", "2,1", '"F16"')},"c":${tensor("4,12", "", '"F64"')}}  `
    const pieces = [
      '"',
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      "0",
      "1",
      "4",
      "-",
      ".",
      "e",
      " ",
      "\\",
      "a",
      "null",
      "true",
      "\n",
    ]
    const change = fc.record({ at: fc.nat(text.length), remove: fc.nat(3), piece: fc.constantFrom("", ...pieces) })
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 11, max: 13 }),
        (changes, bytes) => {
          const changed = changes.reduce(
            (t, { at, remove, piece }) => t.slice(0, at) + piece + t.slice(at + remove),
            text,
          )
          const [json, fileSize] = sized(changed, bytes)
          const header = readUsualHeader(json, fileSize)
          if (header !== undefined) expect(header).toEqual(readStrictly(json, fileSize))
        },
      ),
      { numRuns: fuzzRuns(5000) },
    )
  })
})
