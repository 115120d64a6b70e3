import { describe, expect, it } from "vitest"
import type { ByteSource } from "./source.ts"
import { fromBlob, fromBytes, readExactly, readExactlyInto, toSource } from "./source.ts"

const bytes = new Uint8Array([10, 11, 12, 13, 14])

const sources: [string, ByteSource][] = [
  ["fromBytes", fromBytes(bytes)],
  ["fromBytes of a view into a larger buffer", fromBytes(new Uint8Array([0, ...bytes, 0]).subarray(1, 6))],
  ["fromBytes of an ArrayBuffer", fromBytes(bytes.slice().buffer)],
  ["fromBlob", fromBlob(new Blob([bytes]))],
]

describe.each(sources)("%s", (_, source) => {
  it("has the size and reads any range", async () => {
    expect(source.size).toBe(5)
    expect([...(await source.read(0, 5))]).toEqual([...bytes])
    expect([...(await source.read(1, 3))]).toEqual([11, 12])
    expect([...(await source.read(5, 5))]).toEqual([])
  })

  it.each([
    [-1, 2],
    [3, 2],
    [0, 6],
    [0.5, 2],
    [0, Number.NaN],
    [0, Number.POSITIVE_INFINITY],
  ])("refuses the range %d to %d", async (start, end) => {
    await expect(source.read(start, end)).rejects.toMatchObject({ name: "FormatError", code: "source-range" })
  })
})

describe("labels", () => {
  it("come from a File's name, or from the caller", () => {
    expect(fromBlob(new File([bytes], "canny β.safetensors")).label).toBe("canny β.safetensors")
    expect(fromBlob(new Blob([bytes])).label).toBe("blob")
    expect(fromBlob(new File([bytes], "a"), "b").label).toBe("b")
    expect(fromBytes(bytes, "mine").label).toBe("mine")
    expect(fromBytes(bytes).label).toBe("bytes")
    expect(fromBlob(Object.assign(new Blob([bytes]), { name: 7 })).label).toBe("blob")
  })
})

describe("toSource", () => {
  it("wraps bytes and Blobs and passes sources through", async () => {
    for (const input of [bytes, bytes.slice().buffer, new Blob([bytes])]) {
      expect([...(await toSource(input).read(2, 4))]).toEqual([12, 13])
    }
    const source = fromBytes(bytes)
    expect(toSource(source)).toBe(source)
  })
})

describe("readExactlyInto", () => {
  it.each([
    ["reads", false],
    ["reads into a buffer", true],
  ])("fills a part of a buffer from a source that %s", async (_, readInto) => {
    const plain: ByteSource = { size: 5, label: "s", read: async (start, end) => bytes.slice(start, end) }
    const direct: ByteSource = {
      ...plain,
      async readInto(target, start) {
        target.set(bytes.subarray(start, start + target.byteLength))
        return target.byteLength
      },
    }
    const whole = new Uint8Array(6)
    await readExactlyInto(readInto ? direct : plain, whole.subarray(1, 4), 2)
    expect([...whole]).toEqual([0, 12, 13, 14, 0, 0])
    for (const start of [-1, 3]) {
      await expect(readExactlyInto(readInto ? direct : plain, new Uint8Array(3), start)).rejects.toMatchObject({
        code: "source-range",
      })
    }
  })

  it("refuses a source that gives fewer bytes", async () => {
    const short: ByteSource = { size: 5, label: "liar", read: async () => bytes, readInto: async () => 2 }
    await expect(readExactlyInto(short, new Uint8Array(3), 1)).rejects.toMatchObject({
      ...{ code: "source-short-read", source: "liar", offset: 1 },
      message: expect.stringContaining("asked for 3 bytes and got 2"),
    })
  })
})

describe("readExactly", () => {
  it("refuses a source that gives another number of bytes", async () => {
    const lying: ByteSource = { size: 5, label: "liar", read: async () => new Uint8Array(2) }
    await expect(readExactly(lying, 1, 4)).rejects.toMatchObject({
      code: "source-short-read",
      source: "liar",
      offset: 1,
      message: expect.stringContaining("asked for 3 bytes and got 2"),
    })
  })

  it("refuses a range outside before asking the source", async () => {
    const untouched: ByteSource = {
      size: 5,
      label: "s",
      read: () => {
        throw new Error("asked")
      },
    }
    await expect(readExactly(untouched, 0, 6)).rejects.toMatchObject({ code: "source-range" })
  })
})

it("bytes are bytes, not a promise, an object or other numbers", async () => {
  for (const [wrong, kind] of [
    [Promise.resolve(new Uint8Array(1)), "Promise"],
    [{}, "Object"],
    [[1, 2], "Array"],
    [new Float32Array(2), "Float32Array"],
  ] as const) {
    expect(() => fromBytes(wrong as unknown as Uint8Array)).toThrow(
      `the bytes is of the kind ${kind}, expected a Uint8Array or an ArrayBuffer`,
    )
  }
  expect(fromBytes(Uint8Array.of(1, 2).buffer).size).toBe(2)
})
