import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fuzzRuns } from "../../test/fuzz-runs.ts"
import { HOSTILE_FILES } from "../../test/hostile-corpus.ts"
import { rawFile } from "../../test/raw-file.ts"
import { FormatError } from "../errors.ts"
import type { ByteSource } from "../source.ts"
import { parseHeader, scanHeader } from "./header.ts"
import type { SafetensorsHeader } from "./header-contents.ts"
import { HeaderParser } from "./header-parser.ts"
import { MAX_ENTRY_BYTES, MAX_INDEX_BYTES } from "./header-rules.ts"
import { PackedMap } from "./packed-map.ts"

/** What reading a header gives, whichever way it is read. */
function outcome(read: () => SafetensorsHeader): unknown {
  try {
    const { tensors, metadata, dataStart } = read()
    return { tensors: [...tensors.values()], metadata: [...metadata], dataStart }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    const { code, message, tensor, offset } = error
    return { code, message, tensor, offset }
  }
}

/** Reads a header through windows of a few bytes, which grow only when an entry does not fit. */
function readByWindows(file: Uint8Array, windowBytes: number): SafetensorsHeader {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true))
  const end = 8 + length
  const parser = new HeaderParser(length, file.byteLength, "f")
  let reach = windowBytes
  for (;;) {
    const start = parser.wanted
    const stop = Math.min(end, start + reach)
    if (parser.feed(file.slice(start, stop), start, stop === end)) return parser.finish()
    reach = parser.wanted > start ? windowBytes : reach + windowBytes
  }
}

const readWhole = (file: Uint8Array): SafetensorsHeader => {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true))
  return parseHeader(file.subarray(8, 8 + length), file.byteLength, "f")
}

const good = rawFile(
  ' { "__metadata__" : { "a\\u00e9" : "b\\n" , "c" : "" } , "té" : {"dtype":"F32","shape":[2,1],"data_offsets":[1,9]},\n' +
    '"s":{ "data_offsets" : [ 0 , 1 ] , "shape" : [ ] , "dtype" : "U8" } , "e":{"dtype":"F64","shape":[0,3],"data_offsets":[1,1]} }  ',
  9,
)

describe("a header in windows", () => {
  it("reads the same at any window size", () => {
    const whole = outcome(() => readWhole(good))
    expect(whole).toMatchObject({
      metadata: [
        ["aé", "b\n"],
        ["c", ""],
      ],
      tensors: [{ name: "s" }, { name: "e" }, { name: "té" }],
    })
    for (let bytes = 1; bytes < good.byteLength; bytes++)
      expect(outcome(() => readByWindows(good, bytes))).toEqual(whole)
  })

  it("is refused for the same reason at the same byte at any window size", () => {
    for (const { rule, bytes } of HOSTILE_FILES) {
      if (bytes.byteLength < 8 || readLength(bytes) > BigInt(bytes.byteLength - 8)) continue
      const whole = outcome(() => readWhole(bytes))
      for (const window of [1, 2, 7, 30])
        expect(
          outcome(() => readByWindows(bytes, window)),
          rule,
        ).toEqual(whole)
    }
  })

  it("reads the same when bytes of it change", () => {
    const change = fc.record({ at: fc.integer({ min: 8, max: good.byteLength - 1 }), byte: fc.nat(255) })
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 40 }),
        (changes, bytes) => {
          const file = good.slice()
          for (const { at, byte } of changes) file[at] = byte
          expect(outcome(() => readByWindows(file, bytes))).toEqual(outcome(() => readWhole(file)))
        },
      ),
      { numRuns: fuzzRuns(1000) },
    )
  })
})

describe("a large header", () => {
  const source = (file: Uint8Array, ranges: [number, number][] = []): ByteSource => ({
    size: file.byteLength,
    label: "f",
    read: async (start: number, end: number) => {
      ranges.push([start, end])
      return file.subarray(start, end)
    },
  })
  const headerOf = (file: Uint8Array): number => Number(readLength(file))

  it("is read a window at a time, and its tensors can be looked up by name", async () => {
    const entries = Array.from(
      { length: 60_000 },
      (_, i) => `"tensor β ${i}":{"dtype":"U8","shape":[1],"data_offsets":[${i},${i + 1}]}`,
    )
    const file = rawFile(`{${entries.toReversed().join(",")}}`, entries.length)
    const ranges: [number, number][] = []
    const { tensors } = await scanHeader(source(file, ranges), headerOf(file))
    expect(tensors).toBeInstanceOf(PackedMap)
    expect(Math.max(...ranges.map(([start, end]) => end - start))).toBeLessThanOrEqual(2 ** 20)
    expect(tensors.size).toBe(60_000)
    for (const i of [0, 1, 31_337, 59_999]) {
      const name = `tensor β ${i}`
      expect(tensors.has(name)).toBe(true)
      expect(tensors.get(name)).toMatchObject({ name, dtype: "U8", shape: [1], start: 8 + headerOf(file) + i })
    }
    for (const name of ["tensor β", "tensor β 60000", "", "tensor \ud800 1", "__proto__"]) {
      expect([tensors.has(name), tensors.get(name)]).toEqual([false, undefined])
    }
    // In the order of the data, which is not that of the header here.
    const expected = Array.from({ length: tensors.size }, (_, i) => `tensor β ${i}`)
    // Compared as one text: a million comparisons of elements take their time.
    const all = expected.join()
    expect([...tensors.keys()].join() === all).toBe(true)
    expect([...tensors].map(([name]) => name).join() === all).toBe(true)
    expect([...tensors.values()].map(({ name }) => name).join() === all).toBe(true)
    const seen: string[] = []
    tensors.forEach((_, name) => {
      seen.push(name)
    })
    expect(seen.join() === all).toBe(true)
  })

  it("may have one value of some megabytes", async () => {
    const file = rawFile(`{"__metadata__":{"modelspec.thumbnail":"${"x".repeat(5_000_000)}","after":"1"}}`)
    const { metadata } = await scanHeader(source(file), headerOf(file))
    expect(metadata.get("modelspec.thumbnail")).toHaveLength(5_000_000)
    expect(metadata.get("after")).toBe("1")
  })

  it("may end in any amount of spaces", async () => {
    const file = rawFile(`{}${" ".repeat(3_000_000)}`)
    expect((await scanHeader(source(file), headerOf(file))).tensors.size).toBe(0)
  })

  it("is refused when an entry is longer than any real one", async () => {
    const file = rawFile(`{"${"n".repeat(MAX_ENTRY_BYTES)}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`)
    await expect(scanHeader(source(file), headerOf(file))).rejects.toMatchObject({ code: "header-limit", offset: 9 })
  })

  it("is refused when it would take more memory than any real one", async () => {
    const value = "v".repeat(1_000_000)
    const entries = Array.from({ length: MAX_INDEX_BYTES / 1_000_000 + 1 }, (_, i) => `"${i}":"${value}"`)
    const file = rawFile(`{"__metadata__":{${entries.join(",")}}}`)
    const expected = { code: "header-limit", tensor: "__metadata__" }
    await expect(scanHeader(source(file), headerOf(file))).rejects.toMatchObject(expected)
  })
})

function readLength(file: Uint8Array): bigint {
  return new DataView(file.buffer, file.byteOffset).getBigUint64(0, true)
}
