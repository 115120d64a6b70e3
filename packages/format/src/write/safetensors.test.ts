import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Dtype } from "../safetensors/dtype.ts"
import { DTYPE_BITS } from "../safetensors/dtype.ts"
import { openSafetensors } from "../safetensors/read.ts"
import type { LazyTensorBytes, TensorBytes } from "./safetensors.ts"
import { safetensorsChunks, safetensorsSize, serializeSafetensors } from "./safetensors.ts"

const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

function headerText(file: Uint8Array): string {
  const length = Number(new DataView(file.buffer).getBigUint64(0, true))
  return decoder.decode(file.subarray(8, 8 + length))
}

function zeros(dtype: Dtype, shape: readonly number[]): TensorBytes {
  const elements = shape.reduce((product, size) => product * size, 1)
  return { dtype, shape, bytes: new Uint8Array((elements * DTYPE_BITS[dtype]) / 8) }
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const bytes: number[] = []
  for await (const chunk of chunks) bytes.push(...chunk)
  return Uint8Array.from(bytes)
}

describe("serializeSafetensors writes what upstream 0.8.0 writes", () => {
  it("for names that need escapes, empty tensors and scalars", () => {
    const file = serializeSafetensors(
      new Map([
        ["b", zeros("F32", [2])],
        ["a", zeros("F16", [3])],
        ["a2", zeros("I64", [])],
        ['é\n\u2028\x7f/"\\', zeros("U8", [1])],
        ["Z", zeros("U8", [0])],
      ]),
      new Map([
        ["z", "1"],
        ["a", "é\u0001\t"],
      ]),
    )
    expect(headerText(file)).toBe(
      '{"__metadata__":{"z":"1","a":"é\\u0001\\t"},"a2":{"dtype":"I64","shape":[],"data_offsets":[0,8]},' +
        '"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},"a":{"dtype":"F16","shape":[3],"data_offsets":[16,22]},' +
        '"Z":{"dtype":"U8","shape":[0],"data_offsets":[22,22]},' +
        '"é\\n\u2028\x7f/\\"\\\\":{"dtype":"U8","shape":[1],"data_offsets":[22,23]}}   ',
    )
  })

  it("for every dtype: from wide to narrow, in the specification's order", () => {
    const dtypes = Object.keys(DTYPE_BITS) as Dtype[]
    const file = serializeSafetensors(new Map(dtypes.map((dtype) => [dtype, zeros(dtype, [8])])))
    const written = Object.keys(JSON.parse(headerText(file)) as object)
    expect(written).toEqual([
      ..."U64 I64 F64 C64 F32 U32 I32 BF16 F16 U16 I16".split(" "),
      ..."F8_E5M2FNUZ F8_E4M3FNUZ F8_E8M0 F8_E4M3 F8_E5M2 I8 U8 F6_E3M2 F6_E2M3 F4 BOOL".split(" "),
    ])
  })

  it("for names beyond the basic plane: by code point, not by UTF-16 unit", () => {
    const names = ["\u{1F600}", "\uE000", "z", "za", ""]
    const file = serializeSafetensors(new Map(names.map((name) => [name, zeros("F32", [])])))
    expect(Object.keys(JSON.parse(headerText(file)) as object)).toEqual(["", "z", "za", "\uE000", "\u{1F600}"])
  })

  it("for a file without tensors", () => {
    expect([...serializeSafetensors(new Map())]).toEqual([
      8,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      ...new TextEncoder().encode("{}      "),
    ])
  })
})

const anyDtype = fc.constantFrom(...(Object.keys(DTYPE_BITS) as Dtype[]))
const anyName = fc.string({ unit: "binary", maxLength: 12 }).filter((name) => name !== "__metadata__")
const anyTensor = fc.tuple(anyDtype, fc.array(fc.nat(4), { maxLength: 3 }), fc.nat(255)).map(([dtype, sizes, fill]) => {
  // A last size of 4 makes whole bytes of every dtype.
  const tensor = zeros(dtype, [...sizes, 4])
  return { ...tensor, bytes: tensor.bytes.fill(fill) }
})
const anyTensors = fc.array(fc.tuple(anyName, anyTensor), { maxLength: 8 }).map((entries) => new Map(entries))
const anyText = fc.string({ unit: "binary", maxLength: 8 })
const anyMetadata = fc.array(fc.tuple(anyText, anyText), { maxLength: 4 }).map((entries) => new Map(entries))

describe("serializeSafetensors", () => {
  it("is read back to the same tensors and metadata", async () => {
    await fc.assert(
      fc.asyncProperty(anyTensors, anyMetadata, async (tensors, metadata) => {
        const file = await openSafetensors(serializeSafetensors(tensors, metadata))
        expect(new Map(file.metadata)).toEqual(metadata)
        expect(new Set(file.tensors.keys())).toEqual(new Set(tensors.keys()))
        expect(file.dataStart % 8).toBe(0)
        for (const [name, { dtype, shape, bytes }] of tensors) {
          expect(file.tensors.get(name)).toMatchObject({ dtype, shape })
          expect(await file.read(name)).toEqual(bytes)
        }
      }),
    )
  })

  it("depends on the tensors, not on the order they come in", () => {
    fc.assert(
      fc.property(anyTensors, (tensors) => {
        expect(serializeSafetensors(new Map([...tensors].reverse()))).toEqual(serializeSafetensors(tensors))
      }),
    )
  })

  it("equals its chunks and its announced size", async () => {
    await fc.assert(
      fc.asyncProperty(anyTensors, anyMetadata, async (tensors, metadata) => {
        const lazy = new Map([...tensors].map(([name, tensor]) => [name, { ...tensor, bytes: () => tensor.bytes }]))
        const file = serializeSafetensors(tensors, metadata)
        expect(await collect(safetensorsChunks(lazy, metadata))).toEqual(file)
        expect(safetensorsSize(tensors, metadata)).toBe(file.byteLength)
      }),
    )
  })

  it("writes empty metadata when it is given, and none when it is not", () => {
    expect(headerText(serializeSafetensors(new Map(), new Map()))).toBe('{"__metadata__":{}}     ')
    expect(headerText(serializeSafetensors(new Map()))).toBe("{}      ")
  })
})

describe("serializeSafetensors refuses", () => {
  const cases: [string, [string, TensorBytes], RegExp][] = [
    ["the name of the metadata", ["__metadata__", zeros("U8", [0])], /keeps this name/],
    ["half a surrogate pair in a name", ["\ud83d", zeros("U8", [0])], /the name has half of a surrogate pair/],
    [
      "an unknown dtype",
      ["t", { dtype: "F128" as Dtype, shape: [0], bytes: new Uint8Array(0) }],
      /unknown dtype "F128"/,
    ],
    ["a negative size", ["t", { dtype: "U8", shape: [-1], bytes: new Uint8Array(0) }], /size -1/],
    ["a fraction of a size", ["t", { dtype: "U8", shape: [1.5], bytes: new Uint8Array(1) }], /size 1.5/],
    ["65 dimensions", ["t", { dtype: "U8", shape: Array(65).fill(1), bytes: new Uint8Array(1) }], /65 sizes/],
    [
      "an odd number of 4-bit elements",
      ["t", { dtype: "F4", shape: [3], bytes: new Uint8Array(2) }],
      /whole number of bytes/,
    ],
    [
      "too many elements",
      ["t", { dtype: "U8", shape: [2 ** 40, 2 ** 40], bytes: new Uint8Array(0) }],
      /whole number of bytes/,
    ],
    [
      "too few bytes",
      ["t", { dtype: "F32", shape: [2, 1], bytes: new Uint8Array(7) }],
      /F32 \[2, 1\] takes 8 bytes, but 7 were given/,
    ],
    [
      "terabytes that are not there",
      ["t", { dtype: "F64", shape: [2 ** 40], bytes: new Uint8Array(8) }],
      /but 8 were given/,
    ],
  ]
  it.each(cases)("%s", (_, entry, message) => {
    const refusal = expect.objectContaining({ code: "write-input", message: expect.stringMatching(message) })
    expect(() => serializeSafetensors(new Map([entry]))).toThrow(refusal)
  })

  it("metadata that is not text", () => {
    for (const [key, value, message] of [
      ["\udc00", "v", "a metadata key has half of a surrogate pair alone"],
      ["k", "\udc00", 'the metadata value of "k" has half of a surrogate pair alone'],
      ["k", 1 as unknown as string, 'the metadata value of "k" is not a string'],
      [1 as unknown as string, "v", "a metadata key is not a string"],
    ] as const) {
      expect(() => serializeSafetensors(new Map(), new Map([[key, value]]))).toThrow(
        expect.objectContaining({ code: "write-input", message: expect.stringContaining(message) }),
      )
    }
  })

  it("a header above the format's limit", () => {
    // {"__metadata__":{"k":"…"}} has 25 characters beside the value.
    const sized = (size: number): number => safetensorsSize(new Map(), new Map([["k", "x".repeat(size - 25)]]))
    expect(sized(100_000_000)).toBe(100_000_008)
    expect(() => sized(100_000_001)).toThrow(
      expect.objectContaining({
        code: "write-input",
        message: expect.stringMatching(/would take 100000008 bytes, the format allows 100000000\. Write fewer tensors/),
      }),
    )
  })

  it("no shape of 64 dimensions", () => {
    expect(serializeSafetensors(new Map([["t", zeros("U8", Array(64).fill(1))]])).at(-1)).toBe(0)
  })
})

describe("safetensorsChunks", () => {
  it("asks for a tensor only after the one before was taken", async () => {
    const asked: string[] = []
    const lazy = (name: string): [string, LazyTensorBytes] => [
      name,
      {
        dtype: "U8",
        shape: [1],
        bytes: async () => {
          asked.push(name)
          return new Uint8Array(1)
        },
      },
    ]
    const chunks = safetensorsChunks(new Map([lazy("b"), lazy("a")]))
    await chunks.next()
    expect(asked).toEqual([])
    await chunks.next()
    expect(asked).toEqual(["a"])
    await chunks.return()
    expect(asked).toEqual(["a"])
  })

  it("passes pieces on as they come, and counts them", async () => {
    const pieces = (...sizes: number[]) =>
      async function* (): AsyncGenerator<Uint8Array> {
        for (const size of sizes) yield new Uint8Array(size).fill(size)
      }
    const file = (...sizes: number[]): AsyncGenerator<Uint8Array> =>
      safetensorsChunks(new Map([["t", { dtype: "U8" as const, shape: [5], bytes: pieces(...sizes) }]]))
    expect([...(await collect(file(2, 0, 3)))].slice(-5)).toEqual([2, 2, 3, 3, 3])
    const refusal = { code: "write-input", tensor: "t" }
    await expect(collect(file(2, 2))).rejects.toMatchObject(refusal)
    await expect(collect(file(2, 4))).rejects.toMatchObject(refusal)
  })

  it("stops a source without an end after its first surplus byte", async () => {
    let given = 0
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (; given < 1000; given++) yield new Uint8Array(2)
    }
    const chunks = safetensorsChunks(new Map([["t", { dtype: "U8" as const, shape: [5], bytes: endless }]]))
    await expect(collect(chunks)).rejects.toThrow("U8 [5] takes 5 bytes, but 6 were given")
    expect(given).toBe(2)
  })

  it("refuses bytes of another length than announced", async () => {
    const tensors = new Map([["t", { dtype: "U8" as const, shape: [2], bytes: () => new Uint8Array(1) }]])
    await expect(collect(safetensorsChunks(tensors))).rejects.toMatchObject({ code: "write-input", tensor: "t" })
  })
})
