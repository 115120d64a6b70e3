import { readFileSync } from "node:fs"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Dtype, FloatDtype } from "../src/index.ts"
import { DTYPE_BITS, isReadableDtype, openSafetensors, toFloat32 } from "../src/index.ts"
import type { TensorBytes } from "../src/write/index.ts"
import { fromFloat32, serializeSafetensors } from "../src/write/index.ts"
import { describeWithPython, runPython } from "./python.ts"

const dtypes = Object.keys(DTYPE_BITS) as Dtype[]

/*
 * golden/every-dtype.hex is what the Rust crate safetensors 0.8 (`serialize`) makes of these tensors: two of every
 * dtype, [2, 4] and empty, and metadata of one pair. Python's package is the same code but for F6, which it has not.
 */
describe("the writer's bytes are upstream's", () => {
  const golden = readFileSync(new URL("golden/every-dtype.hex", import.meta.url), "utf8").replaceAll(/\s/g, "")
  const metadata = new Map([['κ"\\\n\u0001/\u007f', "β\u{1F600}\u2028"]])
  const tensors = new Map<string, TensorBytes>()
  for (const [i, dtype] of dtypes.entries()) {
    const bytes = Uint8Array.from({ length: DTYPE_BITS[dtype] }, (_, j) => i * 7 + j)
    tensors.set(`${dtype}.b`, { dtype, shape: [2, 4], bytes })
    tensors.set(`${dtype}.a`, { dtype, shape: [0], bytes: new Uint8Array(0) })
  }

  it("for all 22 dtypes", () => {
    expect(Buffer.from(serializeSafetensors(tensors, metadata)).toString("hex")).toBe(golden)
  })

  it("and are read back", async () => {
    const file = await openSafetensors(new Uint8Array(Buffer.from(golden, "hex")))
    expect(new Map(file.metadata)).toEqual(metadata)
    for (const [name, { bytes }] of tensors) expect(await file.read(name)).toEqual(bytes)
  })
})

/** Names of the dtypes in Python's package. */
const PYTHON_DTYPES: Partial<Record<Dtype, string>> = {
  BOOL: "bool",
  F4: "float4_e2m1fn_x2",
  U8: "uint8",
  I8: "int8",
  F8_E5M2: "float8_e5m2",
  F8_E4M3: "float8_e4m3fn",
  F8_E8M0: "float8_e8m0fnu",
  F8_E4M3FNUZ: "float8_e4m3fnuz",
  F8_E5M2FNUZ: "float8_e5m2fnuz",
  I16: "int16",
  U16: "uint16",
  F16: "float16",
  BF16: "bfloat16",
  I32: "int32",
  U32: "uint32",
  F32: "float32",
  C64: "complex64",
  F64: "float64",
  I64: "int64",
  U64: "uint64",
}

describeWithPython("the writer's bytes are Python's", ["safetensors"], () => {
  const program = `
import ctypes, json, sys
from safetensors import TensorSpec, serialize
answers = []
for case in json.load(sys.stdin):
    kept, specs = [], {}
    for name, dtype, shape, data in case["tensors"]:
        buffer = ctypes.create_string_buffer(bytes.fromhex(data), max(1, len(data) // 2))
        kept.append(buffer)
        specs[name] = TensorSpec(dtype=dtype, shape=shape, data_ptr=ctypes.addressof(buffer), data_len=len(data) // 2)
    answers.append(serialize(specs, case["metadata"]).hex())
json.dump(answers, sys.stdout)`

  it("for tensors of any name, shape and dtype that it has", () => {
    const anyDtype = fc.constantFrom(...(Object.keys(PYTHON_DTYPES) as Dtype[]))
    const anyTensor = fc
      .tuple(anyDtype, fc.array(fc.nat(3), { maxLength: 3 }), fc.nat(255))
      .map(([dtype, sizes, fill]): TensorBytes => {
        const shape = [...sizes, 2]
        const elements = shape.reduce((product, size) => product * size, 1)
        return { dtype, shape, bytes: new Uint8Array((elements * DTYPE_BITS[dtype]) / 8).fill(fill) }
      })
    // Upstream writes metadata in random order, so one pair is as many as can be compared.
    const anyText = fc.string({ unit: "binary", maxLength: 8 })
    const anyName = anyText.filter((name) => name !== "__metadata__")
    const anyCase = fc.record({
      tensors: fc.uniqueArray(fc.tuple(anyName, anyTensor), { maxLength: 8, selector: ([name]) => name }),
      metadata: fc.option(fc.tuple(anyText, anyText)),
    })
    const cases = fc.sample(anyCase, { numRuns: 300, seed: 1 })
    const answers = runPython<string[]>(
      program,
      cases.map(({ tensors, metadata }) => ({
        tensors: tensors.map(([name, { dtype, shape, bytes }]) => {
          // Two F4 are one element to Python, which doubles the last size in the header.
          const stored = dtype === "F4" ? [...shape.slice(0, -1), (shape.at(-1) ?? 0) / 2] : shape
          return [name, PYTHON_DTYPES[dtype], stored, Buffer.from(bytes).toString("hex")]
        }),
        metadata: metadata === null ? null : Object.fromEntries([metadata]),
      })),
    )
    for (const [i, { tensors, metadata }] of cases.entries()) {
      const file = serializeSafetensors(new Map(tensors), metadata === null ? undefined : new Map([metadata]))
      expect(Buffer.from(file).toString("hex")).toBe(answers[i])
    }
  })
})

describeWithPython("conversions are PyTorch's", ["torch"], () => {
  const torchNames = {
    F64: "float64",
    F32: "float32",
    F16: "float16",
    BF16: "bfloat16",
    F8_E4M3: "float8_e4m3fn",
    F8_E5M2: "float8_e5m2",
  } as const satisfies Record<FloatDtype, string>
  const program = `
import json, sys, torch
case = json.load(sys.stdin)
values = torch.frombuffer(bytearray.fromhex(case["values"]), dtype=torch.float32)
answers = {}
for name in case["dtypes"]:
    there = values.to(getattr(torch, name))
    answers[name] = [bytes(there.view(torch.uint8).tolist()).hex(), bytes(there.to(torch.float32).view(torch.uint8).tolist()).hex()]
json.dump(answers, sys.stdout)`
  const isNaNAt = (bytes: Uint8Array, dtype: FloatDtype): boolean[] => [...toFloat32(bytes, dtype)].map(Number.isNaN)

  it("there and back, for every kind of float32, NaN as NaN", () => {
    // Every exponent and sign, with mantissas around each dtype's ties.
    const bits: number[] = []
    for (let upper = 0; upper < 2 ** 12; upper++) {
      for (const lower of [
        0, 1, 0x7ff, 0x800, 0x801, 0xfff, 0x1000, 0x1001, 0x7fff, 0x8000, 0x8001, 0x80000, 0xfffff,
      ]) {
        bits.push(((upper << 20) | lower) >>> 0)
      }
    }
    const values = toFloat32(new Uint8Array(Uint32Array.from(bits).buffer), "F32")
    const names = Object.values(torchNames)
    const hex = Buffer.from(values.buffer).toString("hex")
    const answers = runPython<Record<string, [string, string]>>(program, { values: hex, dtypes: names })
    for (const dtype of Object.keys(torchNames).filter((name): name is FloatDtype => isReadableDtype(name as Dtype))) {
      const [there = "", back = ""] = answers[torchNames[dtype]] ?? []
      const [expected, ours] = [new Uint8Array(Buffer.from(there, "hex")), fromFloat32(values, dtype)]
      expect(isNaNAt(ours, dtype)).toEqual(isNaNAt(expected, dtype))
      const width = DTYPE_BITS[dtype] / 8
      const nan = isNaNAt(ours, dtype)
      const differ = nan.flatMap((skip, i) =>
        skip ||
        Buffer.compare(ours.subarray(i * width, (i + 1) * width), expected.subarray(i * width, (i + 1) * width)) === 0
          ? []
          : [bits[i]?.toString(16)],
      )
      expect(differ).toEqual([])
      const returned = toFloat32(new Uint8Array(Buffer.from(back, "hex")), "F32")
      expect([...toFloat32(expected, dtype)]).toEqual([...returned])
    }
  })
})
